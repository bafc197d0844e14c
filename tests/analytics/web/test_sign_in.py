"""Signing in with a browser: into one's own projects, and out again."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tallygate.control.open import open_store
from tallygate.control.store import users
from tallygate.infra.kafka.dev_broker import free_port
from tests.analytics.web.conftest import LAPTOP, PHONE, Site
from tests.analytics.web.test_accessible import findings
from tests.end_to_end.conftest import Embedded
from tests.end_to_end.stack import command
from tests.support.access import PASSWORD, with_projects, with_token, with_user
from tests.support.control import issue, settings_for
from tests.support.wait import PATIENCE_S, eventually_sync


class Guarded:
    """A system whose users sign in: Ann, administrator of `team` and viewer of `lab`, and Bob, a viewer."""

    def __init__(self, simulator: str, folder: Path) -> None:
        settings = {
            "TALLYGATE_AUTH__MODE": "password",
            "TALLYGATE_PROVIDERS__OPENAI__API_KEY": "sk-simulator",
        }
        self.system = Embedded(simulator, folder, **settings)
        self.url = self.system.gateway.api
        self.first_sight = self.system.process.tail()
        self.store = open_store(settings_for(self.system.data))

    def prepare(self) -> None:
        """Projects, users, and a call of each project."""
        with_projects(self.store, "team", "lab")
        with_user(self.store, "ann@example.com", {"team": "admin", "lab": "viewer"})
        with_user(self.store, "bob@example.com", {"lab": "viewer"})
        for project in ("team", "lab"):
            self._call(issue(self.store, project=project).secret, f"user-of-{project}")
            token = with_token(self.store, project)
            eventually_sync(partial(self._seen, token), within_s=PATIENCE_S)

    def _call(self, key: str, user: str) -> None:
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"Authorization": f"Bearer {key}", "Tallygate-User-Id": user}

        def sent() -> bool:
            url = f"{self.system.gateway.url}/v1/chat/completions"
            return httpx2.post(url, json=body, headers=headers, timeout=30).status_code == 200

        eventually_sync(sent, within_s=PATIENCE_S)  # edges learn of a key within a second

    def _seen(self, token: str) -> bool:
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx2.get(f"{self.url}/api/v1/requests", headers=headers, timeout=30)
        return answer.status_code == 200 and len(answer.json()["requests"]) == 1


@pytest.fixture(scope="module")
def guarded(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One such system."""
    folder = tmp_path_factory.mktemp("guarded")
    with ExitStack() as stack:
        port = free_port()
        stack.enter_context(command("simulator", "--port", str(port), env={}, log=folder / "simulator.log"))
        guarded = Guarded(f"http://127.0.0.1:{port}", folder)
        stack.callback(lambda: guarded.system.process.__exit__(None, None, None))
        stack.callback(guarded.store.close)
        guarded.prepare()
        yield guarded


@pytest.fixture
def visitor(site: Site, guarded: Guarded) -> Iterator[Page]:
    """A browser that isn't signed in."""
    context = site.browser.new_context(base_url=guarded.url, viewport=LAPTOP)
    context.set_default_timeout(15_000)
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    context.close()
    assert not broken


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_the_first_start_says_how_to_make_an_administrator(guarded: Guarded) -> None:
    assert "tallygate users add you@example.com --admin" in guarded.first_sight


def test_in_to_where_one_wanted_and_out_again(visitor: Page) -> None:
    visitor.goto("/users?range=7d")
    expect(visitor.get_by_role("heading", name="Sign in to Tallygate")).to_be_visible()
    expect(visitor.get_by_text("Nobody administrates this installation yet")).to_be_visible()
    sign_in(visitor, "ann@example.com", "wrong password")
    expect(visitor.get_by_role("alert")).to_contain_text("the address or the password is wrong")
    sign_in(visitor, "ann@example.com")
    expect(visitor.get_by_role("heading", name="Users")).to_be_visible()
    # Of two projects, the first in the alphabet is shown.
    expect(visitor.get_by_role("cell", name="user-of-lab").first).to_be_visible()
    expect(visitor.get_by_text("user-of-team")).to_have_count(0)
    visitor.get_by_label("Project").select_option("team")
    expect(visitor.get_by_role("cell", name="user-of-team").first).to_be_visible()
    expect(visitor.get_by_text("user-of-lab")).to_have_count(0)
    assert "project=team" in visitor.url
    visitor.get_by_role("link", name="Requests").click()
    assert "project=team" in visitor.url
    expect(visitor.get_by_role("cell", name="user-of-team").first).to_be_visible()
    visitor.get_by_role("button", name="Sign out").click()
    expect(visitor.get_by_role("heading", name="Sign in to Tallygate")).to_be_visible()
    visitor.reload()
    expect(visitor.get_by_role("heading", name="Sign in to Tallygate")).to_be_visible()


def test_a_viewer_is_offered_what_a_viewer_may(visitor: Page, guarded: Guarded) -> None:
    visitor.goto("/sign-in")
    sign_in(visitor, "bob@example.com")
    expect(visitor.get_by_role("heading", name="Overview")).to_be_visible()
    expect(visitor.get_by_role("link", name="Settings")).to_have_count(0)
    expect(visitor.get_by_label("Project")).to_have_count(0)
    visitor.goto("/requests")
    visitor.locator("tbody tr").first.click()
    expect(visitor.get_by_role("dialog").get_by_role("tab").first).to_be_visible()
    expect(visitor.get_by_role("button", name="Copy as curl")).to_be_visible()
    expect(visitor.get_by_role("button", name="Replay")).to_have_count(0)
    visitor.goto("/users?project=team")
    expect(visitor.get_by_role("alert").first).to_contain_text("you have no role in project 'team'")
    with guarded.store.write("test") as change:
        users.sign_out(change, "bob@example.com")
    visitor.goto("/users")
    expect(visitor.get_by_role("heading", name="Sign in to Tallygate")).to_be_visible()


def test_an_administrator_of_a_project_sees_its_settings_only(visitor: Page) -> None:
    visitor.goto("/settings")
    sign_in(visitor, "ann@example.com")
    expect(visitor.get_by_role("region", name="Projects").locator("tbody tr")).to_have_count(1)
    expect(visitor.get_by_role("cell", name="team").first).to_be_visible()


def test_the_page_to_sign_in_is_accessible(visitor: Page) -> None:
    visitor.goto("/sign-in?error=unknown_user")
    expect(visitor.get_by_role("alert")).to_contain_text("You have no account here yet")
    expect(visitor.get_by_label("E-mail")).to_be_visible()
    for scheme in ("light", "dark"):
        visitor.emulate_media(reduced_motion="reduce", color_scheme=scheme)
        assert findings(visitor) == []
    visitor.set_viewport_size(PHONE)
    visitor.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=PHONE["width"])
    sign_in(visitor, "ann@example.com")
    visitor.get_by_role("button", name="Menu").click()
    expect(visitor.get_by_role("button", name="Sign out")).to_be_visible()
    assert findings(visitor) == []
