"""The page of requests: live, filtered, opened, sent again."""

import json

from playwright.sync_api import Page, expect

from tests.analytics.web.calls import MARKUP, chat
from tests.analytics.web.conftest import Site
from tests.support.wait import eventually_sync


def rows(page: Page) -> list[str]:
    return page.locator("tbody tr").all_inner_texts()


def test_before_the_first_call_it_says_what_to_do(site: Site) -> None:
    assert f"curl {site.gateway.url}/v1/chat/completions" in site.first_sight
    assert "tallygate demo" in site.first_sight


def test_calls_arrive_live(site: Site, page: Page) -> None:
    page.goto("/requests?f=user_id~eq~newcomer")
    expect(page.get_by_role("heading", name="No request matches")).to_be_visible()
    chat(site.gateway, "Is anybody there?", user="newcomer")
    expect(page.get_by_role("cell", name="newcomer")).to_be_visible()
    expect(page.get_by_text("1 request ·")).to_be_visible()


def test_filtered_by_a_property_and_the_address_says_so(page: Page) -> None:
    page.goto("/requests")
    page.get_by_label("Field").select_option(label="Feature")
    page.get_by_label("Comparison").select_option("eq")
    page.get_by_label("Value").fill("cache")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(2)
    assert all("linus" in row for row in rows(page))
    assert "property%3AFeature%7Eeq%7Ecache" in page.url
    page.get_by_label("Columns of properties").select_option("Feature")
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_role("columnheader", name="Feature")).to_be_visible()
    page.get_by_role("button", name="Save filter").click()
    page.get_by_role("button", name="Remove Feature is cache").click()
    expect(page.get_by_role("cell", name="grace").first).to_be_visible()
    page.get_by_label("Saved filters").select_option(label="Feature is cache")
    expect(page.locator("tbody tr")).to_have_count(2)


def test_a_request_opens_as_a_conversation_and_copies_as_curl(site: Site, page: Page) -> None:
    page.goto("/requests?f=property:Feature~eq~tools")
    page.locator("tbody tr").first.press("Enter")
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("Use the tool to find a paper")).to_be_visible()
    expect(drawer.get_by_text("1 tool offered: find_paper")).to_be_visible()
    expect(drawer.locator(".message.output")).to_contain_text("calls find_paper")
    drawer.get_by_role("button", name="Copy as curl").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"curl '{site.gateway.url}/v1/chat/completions'")
    assert "-H 'Tallygate-Property-Feature: tools'" in copied
    assert "sk-simulator" not in copied
    drawer.get_by_role("tab", name="Raw").click()
    expect(drawer.locator("pre").first).to_contain_text('"find_paper"')
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)


def test_a_replay_is_a_new_call(site: Site, page: Page) -> None:
    first = chat(site.gateway, "Once more, please", user="katherine", Property_Feature="again")
    eventually_sync(lambda: site.gateway.sql("SELECT 1 FROM calls WHERE request_id = {id:String}", id=first))
    page.goto(f"/requests?id={first}")
    page.get_by_role("button", name="Replay").click()
    page.get_by_label("Gateway or provider key").fill("sk-simulator")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("Answered 200")).to_be_visible()
    page.get_by_role("link", name="Open the new request").click()
    query = "SELECT request_id, prompt FROM calls WHERE properties['replay-of'] = {id:String}"
    made = eventually_sync(lambda: site.gateway.sql(query, id=first))
    assert len(made) == 1
    assert json.loads(made[0][1])["messages"][0]["content"] == "Once more, please"
    expect(page).to_have_url(f"{site.gateway.api}/requests?id={made[0][0]}")


def test_markup_in_a_call_is_text(page: Page) -> None:
    page.goto("/requests?f=property:Feature~contains~markup&col=Feature")
    expect(page.get_by_role("cell", name="<i>mallory</i>")).to_be_visible()
    page.locator("tbody tr").first.click()
    expect(page.get_by_role("dialog").get_by_text(MARKUP)).to_be_visible()
    for tab in ("Details", "Raw"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("dialog").get_by_text("<").first).to_be_visible()
    assert page.evaluate("window.broken") is None
    assert page.locator("img[src=x], main b:text('bold?'), main u, td i").count() == 0


def test_the_keyboard_goes_from_request_to_request(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_text("Spend by model")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Requests")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_label("Value")).to_be_focused()
    page.locator("body").click(position={"x": 600, "y": 30})
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Paused")).to_be_visible()
    page.get_by_role("button", name="Paused").press(" ")
    expect(page.get_by_role("button", name="Live")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("tbody tr").first).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_role("dialog")).to_be_visible()
    first = page.url
    page.keyboard.press("j")
    expect(page).not_to_have_url(first)
