"""A real system with calls of every kind in it, and a real Chromium before its pages."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Response,
    ViewportSize,
    expect,
    sync_playwright,
)

from tallygate.infra.kafka.dev_broker import free_port
from tests.analytics.web.calls import seed
from tests.end_to_end.conftest import Embedded
from tests.end_to_end.stack import Gateway, command

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LAPTOP: ViewportSize = {"width": 1366, "height": 768}
PHONE: ViewportSize = {"width": 390, "height": 844}
PATIENCE_MS = 30_000
"""Nothing on a page takes a second, but on a machine that is busy with other things."""
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Site:
    """The running system as a browser sees it."""

    gateway: Gateway
    browser: Browser
    first_sight: str
    """What the overview said before there was any call."""


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One system and one browser for all of these tests."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: on Debian, apt-get install chromium")
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        port = free_port()
        stack.enter_context(command("simulator", "--port", str(port), env={}, log=folder / "simulator.log"))
        system = Embedded(f"http://127.0.0.1:{port}", folder)
        stack.callback(lambda: system.process.__exit__(None, None, None))
        playwright = stack.enter_context(sync_playwright())
        # Root may not use Chromium's sandbox, and containers often are root.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        stack.callback(browser.close)
        first_sight = _first_sight(browser, system.gateway)
        seed(system.gateway)
        yield Site(system.gateway, browser, first_sight)


def _first_sight(browser: Browser, gateway: Gateway) -> str:
    page = browser.new_page(base_url=gateway.api, viewport=LAPTOP)
    broken = heard(page)
    page.goto("/")
    try:
        page.get_by_role("heading", name="No call yet").wait_for()
    except Error as error:
        error.add_note("\n".join(["The page's troubles:", *broken]))
        raise
    text = page.locator("main").inner_text()
    page.close()
    return text


def heard(page: Page) -> list[str]:
    """What breaks on a page, as it breaks: scripts, files of its own that don't come, its policy."""
    broken: list[str] = []

    def said(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            broken.append(message.text)

    def came(response: Response) -> None:
        if response.status >= 400 and "/api/" not in response.url:
            broken.append(f"{response.status} {response.url}")

    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", said)
    page.on("response", came)
    return broken


@pytest.fixture
def page(site: Site) -> Iterator[Page]:
    """A page of a laptop's size. It fails if a script breaks, or does what the policy of the page forbids."""
    context = site.browser.new_context(base_url=site.gateway.api, viewport=LAPTOP, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    broken = heard(page)
    yield page
    context.close()
    assert not broken
