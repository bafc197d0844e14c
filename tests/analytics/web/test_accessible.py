"""Every page: nothing serious to axe, in both themes; nothing wider than a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tallygate.analytics.pages import PATHS
from tests.analytics.web.conftest import PHONE, Site

VIEWS = (
    *PATHS,
    "/properties?view=workflows",
    "/settings?view=keys",
    "/settings?view=prices",
    "/alerts?view=history",
    "/alerts?view=channels",
    "/alerts?view=deliveries",
    "/requests?open",
)
SERIOUS = {"serious", "critical"}


def settled(page: Page, view: str) -> None:
    """Show a view and wait until it has loaded."""
    page.goto(view.partition("?open")[0])
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)
    expect(page.locator("main .problem")).to_have_count(0)
    if view.endswith("?open"):
        page.locator("tbody tr").first.click()
        expect(page.get_by_role("dialog").get_by_role("tab").first).to_be_visible()


def findings(page: Page) -> list[str]:
    response = Axe().run(page).response
    return [
        f"{found['id']}: {node['target']} {node['failureSummary']}"
        for found in response["violations"]
        if found["impact"] in SERIOUS
        for node in found["nodes"]
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_serious_to_axe_and_nothing_too_wide(site: Site, page: Page, view: str) -> None:
    page.emulate_media(reduced_motion="reduce", color_scheme="light")
    settled(page, view)
    assert findings(page) == []
    page.emulate_media(reduced_motion="reduce", color_scheme="dark")
    assert findings(page) == []
    page.set_viewport_size(PHONE)
    # Charts follow their place's size a frame later.
    page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=PHONE["width"])


@pytest.mark.parametrize(
    ("view", "button"),
    [
        ("/alerts", "Budget of each user"),
        ("/alerts?view=channels", "Webhook"),
        ("/settings?view=prices", "Set a price"),
    ],
)
def test_nothing_serious_to_axe_in_forms(page: Page, view: str, button: str) -> None:
    page.emulate_media(reduced_motion="reduce", color_scheme="light")
    settled(page, view)
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert findings(page) == []
    page.emulate_media(reduced_motion="reduce", color_scheme="dark")
    assert findings(page) == []
    page.set_viewport_size(PHONE)
    page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=PHONE["width"])


def test_axe_finds_what_is_wrong(page: Page) -> None:
    settled(page, "/models")
    page.evaluate("document.querySelector('h1').style.color = '#eee'")
    assert any("color-contrast" in found for found in findings(page))


def test_the_menu_of_a_phone(page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.goto("/models")
    expect(page.get_by_role("link", name="Users")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Users").click()
    expect(page.get_by_role("heading", name="Users")).to_be_visible()
    expect(page.get_by_role("link", name="SQL")).to_be_hidden()
