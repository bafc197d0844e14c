"""Each other page's main task, and that its numbers are those of SQL."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.analytics.web.calls import SESSION, STEPS
from tests.analytics.web.conftest import Site


def dollars(nanos: int) -> float:
    return nanos / 1e9


def shown(text: str) -> float:
    return float(text.strip().removeprefix("$").replace(",", ""))


def test_the_overview_says_what_sql_says(site: Site, page: Page) -> None:
    page.goto("/")
    tile = page.locator(".tile", has_text="Spend").locator(".value")
    expect(tile).to_contain_text("$")
    cost, failed, requests = site.gateway.sql(
        "SELECT sum(cost_nanos), countIf(outcome NOT IN ('ok', 'cache_hit')), count() FROM calls"
    )[0]
    assert shown(tile.inner_text()) == float(f"{dollars(cost):.2g}")
    expect(page.locator(".tile", has_text="Requests").locator(".value")).to_have_text(str(requests))
    expect(page.locator(".tile", has_text="Error rate")).to_contain_text(f"{failed} failed")
    expect(page.get_by_role("img", name="Spend by model, ")).to_be_visible()
    page.get_by_role("button", name="Week").click()
    expect(page).to_have_url(f"{site.gateway.api}/?range=7d")
    expect(page.get_by_role("table").first).to_contain_text("gpt-4o-mini")


def test_a_session_is_a_tree_with_the_cost_of_each_step(site: Site, page: Page) -> None:
    page.goto("/sessions")
    page.get_by_role("cell", name="research agent").click()
    expect(page.get_by_role("heading", name="research agent")).to_be_visible()
    query = """SELECT session_path, sum(cost_nanos) FROM calls WHERE session_id = {id:String}
        GROUP BY session_path"""
    costs = dict(site.gateway.sql(query, id=SESSION))
    assert set(costs) == set(STEPS)
    below = {"plan": ("/plan",), "search": ("/search", "/search/read"), "read": ("/search/read",)}
    for name, paths in below.items():
        step = page.locator(".step", has=page.get_by_role("button", name=name)).first
        text = step.locator("> b").inner_text()
        exact = sum(dollars(costs[path]) for path in paths)
        assert abs(shown(text) - exact) <= exact * 0.05, name
    page.locator(".step.leaf a").first.click()
    expect(page.get_by_role("dialog").get_by_text("A step of the work").first).to_be_visible()


def test_a_workflow_shows_the_cost_of_its_steps(page: Page) -> None:
    page.goto("/properties?view=workflows")
    table = page.get_by_role("region", name="research").get_by_role("table")
    expect(table.locator("tbody tr")).to_have_count(len(STEPS))
    table.get_by_role("link", name="read").click()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_users_properties_models_cache_and_limits(page: Page) -> None:
    page.goto("/users")
    page.get_by_label("Find a user").fill("lin")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("cell", name="linus").click()
    expect(page.get_by_role("dialog").get_by_text("gpt-4o-mini").first).to_be_visible()
    page.goto("/properties?name=Feature")
    expect(page.get_by_role("link", name="tools")).to_be_visible()
    page.goto("/models")
    expect(page.get_by_role("cell", name="claude-haiku-4-5")).to_be_visible()
    expect(page.get_by_role("region", name="Errors").last).to_contain_text("429")
    page.goto("/cache")
    expect(page.locator(".tile", has_text="Hit rate")).to_contain_text("50.0%")
    expect(page.get_by_role("cell", name="The same question")).to_be_visible()
    page.goto("/limits")
    expect(page.get_by_role("region", name="Throttled calls")).to_contain_text("alan")
    expect(page.get_by_role("region", name="Capacity", exact=True)).to_contain_text("openai")


def test_sql_runs_with_parameters_and_draws_a_chart(page: Page, tmp_path: Path) -> None:
    page.goto("/sql")
    editor = page.get_by_label("SQL")
    editor.fill(
        "SELECT toStartOfHour(received_at) AS hour, model, count() AS requests FROM calls"
        " WHERE user_id = {user:String} GROUP BY hour, model"
    )
    page.get_by_label("user", exact=True).fill("linus")
    editor.press("Control+Enter")
    expect(page.get_by_role("cell", name="gpt-4o-mini")).to_be_visible()
    page.get_by_role("button", name="Chart").click()
    expect(page.get_by_role("img", name="Result, ")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "result.csv")
    lines = (tmp_path / "result.csv").read_bytes().decode().split("\r\n")
    assert lines[0] == "hour,model,requests"
    assert lines[1].endswith(",gpt-4o-mini,2")


def test_a_mistake_in_sql_is_pointed_at_and_the_views_are_told(page: Page) -> None:
    page.goto("/sql")
    editor = page.get_by_label("SQL")
    editor.fill("SELECT model FRM calls WHERE x")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    start = editor.evaluate("element => element.selectionStart")
    assert start == editor.input_value().index("calls")
    editor.fill("")
    page.get_by_role("button", name="cost_nanos", exact=True).first.click()
    expect(editor).to_have_value("cost_nanos")


def test_a_key_is_made_shown_once_and_revoked(page: Page) -> None:
    page.goto("/settings?view=projects")
    if page.get_by_role("cell", name="default").count() == 0:
        page.get_by_role("button", name="New project").click()
        page.get_by_label("Id").fill("team-a")
        page.get_by_role("button", name="Create").click()
        expect(page.get_by_role("cell", name="team-a")).to_be_visible()
    page.get_by_role("tab", name="Keys").click()
    page.get_by_role("button", name="New key").click()
    page.get_by_label("Name").fill("for the test")
    page.get_by_role("button", name="Create").click()
    secret = page.get_by_role("dialog").locator("pre").inner_text()
    assert secret.startswith("tg-")
    page.keyboard.press("Escape")
    row = page.get_by_role("row", name="for the test")
    expect(row).to_contain_text(secret[-4:])
    assert secret not in page.content()
    page.once("dialog", lambda question: question.accept())
    row.get_by_role("button", name="Revoke").click()
    expect(row).to_have_count(0)
    page.get_by_role("tab", name="Changes").click()
    expect(page.get_by_role("cell", name="key.revoke")).to_be_visible()
