"""Budgets & alerts: rules made in one form, changed, muted; channels; call webhooks; prices."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.analytics.web.calls import chat
from tests.analytics.web.conftest import Site

PRESETS = """async () => {
  const { PRESETS, body, draftOf } = await import("/assets/lib/rules.js");
  return PRESETS.map(({ values }) => body(draftOf(values)));
}"""
AGAIN = """async (rule) => {
  const { body, changesOf, draftOfRule } = await import("/assets/lib/rules.js");
  return changesOf(body(draftOfRule(rule)), body(draftOfRule(rule)));
}"""
TREES = """async (conditions) => {
  const { fromTree, toTree } = await import("/assets/lib/filter_tree.js");
  const tree = toTree(conditions);
  return [tree, fromTree(tree)];
}"""


def admin(site: Site, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = httpx2.request(method, f"{site.gateway.api}/api/v1/admin{path}", json=body, timeout=30)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def rules(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = admin(site, "GET", "/rules")["data"]
    return found


@pytest.fixture(autouse=True)
def cleared(site: Site) -> Iterator[None]:
    """What a test makes is gone after it."""
    yield
    for kind, name in (("rules", "rule_id"), ("hooks", "hook_id"), ("channels", "channel_id")):
        for one in admin(site, "GET", f"/{kind}")["data"]:
            admin(site, "DELETE", f"/{kind}/{one[name]}", status=204)
    for one in admin(site, "GET", "/prices")["data"]:
        admin(site, "DELETE", f"/prices/{one['price_id']}", status=204)


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def test_daily_spend_exceeds_50_dollars(site: Site, page: Page) -> None:
    page.goto("/alerts")
    expect(page.get_by_role("heading", name="No rule yet")).to_be_visible()
    page.get_by_role("button", name="Daily spend exceeds $50").click()
    expect(dialog(page).get_by_text("Tells when the spend of a day reaches $50.")).to_be_visible()
    page.get_by_role("button", name="Create").click()
    row = page.get_by_role("row", name="Daily spend exceeds $50")
    expect(row).to_contain_text("Spend from $50.00 on in a day")
    (rule,) = rules(site)
    assert (rule["metric"], rule["limit"], rule["action"]) == ("cost", 50_000_000_000, "notify")
    assert rule["window"] == {"kind": "calendar", "period": "day"}


def test_a_limit_that_is_crossed_fires_and_is_in_the_history(site: Site, page: Page) -> None:
    page.goto("/alerts")
    page.get_by_role("button", name="Budget of each user").click()
    form = dialog(page)
    form.get_by_label("Name").fill("Tiny")
    form.get_by_label("Limit, in dollars").fill("0.000001")
    form.get_by_label("What to do").select_option("notify")
    form.get_by_role("button", name="Create").click()
    row = page.get_by_role("row", name="Tiny")
    expect(row).to_be_visible()
    chat(site.gateway, "What does this cost?", user="spender")
    expect(row).to_contain_text("firing")
    row.click()
    of_spender = dialog(page).get_by_role("row", name="spender")
    expect(of_spender).to_contain_text("100%")
    spent = site.gateway.sql("SELECT sum(cost_nanos) FROM calls WHERE user_id = 'spender'")[0][0]
    (rule,) = rules(site)
    standing = httpx2.get(f"{site.gateway.api}/api/v1/budgets", timeout=30).json()["budgets"][0]
    values = {group["group"]: group["value"] for group in standing["groups"]}
    assert (standing["rule"], values["spender"]) == (rule, spent)
    page.get_by_role("link", name="What it told").click()
    told = page.get_by_role("row", name="spender")
    expect(told).to_contain_text("firing")
    expect(told).to_contain_text("Tiny")
    assert f"rule={rule['rule_id']}" in page.url
    told.click()
    expect(dialog(page).get_by_role("heading", name="Tiny")).to_be_visible()


def test_a_rule_of_every_part_is_made_and_changed(site: Site, page: Page) -> None:
    channel = {"project": "default", "name": "Finance", "kind": "email", "addresses": ["f@example.com"]}
    admin(site, "POST", "/channels", channel, 201)
    page.goto("/alerts")
    page.get_by_role("button", name="New rule").click()
    form = dialog(page)
    form.get_by_label("Name").fill("Growth")
    form.get_by_label("Limit, in dollars").fill("300.5")
    form.get_by_label("Counted over").select_option(label="a month")
    form.get_by_label("Counted for").select_option(label="each value of a property")
    form.get_by_label("Property", exact=True).fill("Team")
    form.get_by_label("Tell at, in percent").fill("100, 50")
    form.get_by_label("What to do").select_option("block")
    form.get_by_label("Reserve what").check()
    form.get_by_label("Finance").check()
    form.get_by_role("button", name="Create").click()
    row = page.get_by_role("row", name="Growth")
    expect(row).to_contain_text("Spend from $300.50 on in a month, for each team")
    (rule,) = rules(site)
    assert (rule["group_by"], rule["reserve"], rule["thresholds_percent"]) == (
        "property.team",
        True,
        [50, 100],
    )
    assert len(rule["channels"]) == 1

    row.press("Enter")
    expect(dialog(page)).to_contain_text("blocks, with reservation")
    expect(dialog(page)).to_contain_text("Finance")
    page.get_by_role("button", name="Change").click()
    expect(form.get_by_label("Limit, in dollars")).to_have_value("300.5")
    form.get_by_label("Limit, in dollars").fill("400")
    form.get_by_role("button", name="Save").click()
    expect(dialog(page)).to_contain_text("Spend from $400.00 on")
    (changed,) = rules(site)
    assert (changed["limit"], changed["counting_revision"]) == (400 * 10**9, 1)
    page.get_by_role("button", name="Mute for a day").click()
    expect(dialog(page).get_by_text("muted")).to_be_visible()
    page.get_by_role("button", name="Unmute").click()
    page.get_by_role("button", name="Switch off").click()
    expect(dialog(page).get_by_text("off", exact=True)).to_be_visible()
    page.once("dialog", lambda question: question.accept())
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="No rule yet")).to_be_visible()


def test_the_form_asks_what_fits_the_metric(page: Page) -> None:
    page.goto("/alerts")
    page.get_by_role("button", name="New rule").click()
    form = dialog(page)
    does = form.get_by_label("What to do").locator("option")
    expect(does).to_have_count(3)
    form.get_by_label("Metric").select_option("latency_p95")
    expect(form.get_by_label("Limit, in milliseconds")).to_be_visible()
    expect(does).to_have_count(1)
    expect(form.get_by_label("Fire when it").locator("option")).to_have_count(2)
    form.get_by_label("Metric").select_option("error_rate")
    expect(form.get_by_label("Limit, in percent", exact=True)).to_be_visible()
    form.get_by_label("Fire when it").select_option("anomaly")
    expect(form.get_by_role("spinbutton", name="Past weeks")).to_have_value("4")
    expect(form.get_by_label("Limit, in percent", exact=True)).to_have_count(0)
    form.get_by_label("Name").fill("odd")
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("row", name="odd")).to_contain_text("3 times that of the past 4 weeks")


def test_what_the_api_refuses_is_told_and_nothing_is_lost(site: Site, page: Page) -> None:
    page.goto("/alerts")
    page.get_by_role("button", name="Budget of each user").click()
    form = dialog(page)
    form.get_by_label("Field").select_option(label="User")
    form.get_by_role("textbox", name="Value").fill("ada")
    form.get_by_role("button", name="Filter").click()
    expect(form.get_by_text("User is ada")).to_be_visible()
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_role("alert")).to_contain_text("an edge looks at one label")
    form.get_by_label("Counted for").select_option("")
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("row", name="Daily budget of each user")).to_be_visible()
    (rule,) = rules(site)
    assert rule["filter"] == {"field": "user_id", "op": "eq", "value": "ada"}


def test_every_preset_is_a_rule_and_comes_back_unchanged(site: Site, page: Page) -> None:
    page.goto("/alerts")
    for body in page.evaluate(PRESETS):
        rule = admin(site, "POST", "/rules", {**body, "project": "default"}, 201)
        assert page.evaluate(AGAIN, rule) == {}


@pytest.mark.parametrize(
    ("conditions", "tree"),
    [
        ([], None),
        ([("status", "eq", "429")], {"field": "status", "op": "eq", "value": 429}),
        (
            [("property:Env", "nin", "dev, test")],
            {"field": "property.Env", "op": "not_in", "value": ["dev", "test"]},
        ),
        ([("stream", "eq", "true")], {"field": "stream", "op": "eq", "value": True}),
        (
            [("cost_usd", "gt", "0.5"), ("ttft_ms", "exists", "false")],
            {
                "and": [
                    {"field": "cost_usd", "op": "gt", "value": "0.5"},
                    {"field": "ttft_ms", "op": "exists", "value": False},
                ]
            },
        ),
    ],
)
def test_conditions_are_filter_trees_and_back(
    site: Site, page: Page, conditions: list[tuple[str, ...]], tree: Any
) -> None:
    page.goto("/alerts")
    asked = [dict(zip(("field", "op", "value"), one, strict=True)) for one in conditions]
    made, back = page.evaluate(TREES, asked)
    assert (made, back) == (tree, asked)
    rule = {"project": "default", "name": "n", "metric": "cost", "limit_usd": "5", "filter": made}
    assert admin(site, "POST", "/rules", rule, 201)["filter"] == tree


def test_a_class_of_status_is_a_range_and_other_trees_are_shown_as_they_are(site: Site, page: Page) -> None:
    page.goto("/alerts")
    made, back = page.evaluate(TREES, [{"field": "status", "op": "eq", "value": "5xx"}])
    assert [one["value"] for one in made["and"]] == [500, 600]
    assert back is not None
    tree = {"not": {"field": "model", "op": "eq", "value": "gpt-4o"}}
    rule = {"project": "default", "name": "odd filter", "metric": "cost", "limit_usd": "5", "filter": tree}
    made = admin(site, "POST", "/rules", rule, 201)
    page.goto(f"/alerts?id={made['rule_id']}")
    expect(dialog(page).locator("pre")).to_contain_text('"not"')
    page.get_by_role("button", name="Change").click()
    dialog(page).get_by_label("Name").fill("renamed")
    page.get_by_role("button", name="Save").click()
    expect(dialog(page).get_by_role("heading", name="renamed")).to_be_visible()
    (changed,) = rules(site)
    assert (changed["filter"], changed["counting_revision"]) == (tree, 1)


def test_a_webhook_is_made_and_its_secret_shown_once(site: Site, page: Page) -> None:
    page.goto("/alerts?view=channels")
    expect(page.get_by_role("heading", name="Nobody is told yet")).to_be_visible()
    page.get_by_role("button", name="Webhook", exact=True).click()
    form = dialog(page)
    form.get_by_label("Name").fill("Pager")
    form.get_by_label("URL").fill("https://ops.example/in/canary-0123456789")
    form.get_by_label("Takes").select_option("calls")
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="The signing secret")).to_be_visible()
    secret = dialog(page).locator("pre").inner_text()
    assert secret.startswith("whsec_")
    page.keyboard.press("Escape")
    row = page.get_by_role("region", name="Channels").get_by_role("row", name="Pager")
    expect(row).to_contain_text("https://ops.example/…6789")
    assert secret not in page.content()
    assert "canary" not in page.content()
    row.get_by_role("button", name="New secret").click()
    expect(page.get_by_role("heading", name="The signing secret")).to_be_visible()
    assert dialog(page).locator("pre").inner_text() != secret
    page.keyboard.press("Escape")
    row.get_by_role("button", name="Switch off").click()
    expect(row.get_by_text("off", exact=True)).to_be_visible()

    page.get_by_role("button", name="Call webhook").click()
    form.get_by_label("Name").fill("Slow calls")
    form.get_by_label("Sample").fill("12.5")
    form.get_by_label("Field").select_option(label="Latency (ms)")
    form.get_by_label("Comparison").select_option("gt")
    form.get_by_label("Value").fill("5000")
    form.get_by_role("button", name="Filter").click()
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("row", name="Slow calls")).to_contain_text("12.5%")
    (hook,) = admin(site, "GET", "/hooks")["data"]
    assert hook["filter"] == {"field": "latency_ms", "op": "gt", "value": 5000}
    page.once("dialog", lambda question: question.accept())
    row.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("alert")).to_contain_text("is used by")


def test_a_channel_is_tested_and_its_delivery_sent_again(site: Site, page: Page) -> None:
    """The address is one that nothing may be sent to: the log says so."""
    channel = {"project": "default", "name": "Inside", "kind": "webhook", "url": "http://127.0.0.1:9/in"}
    admin(site, "POST", "/channels", channel, 201)
    page.goto("/alerts?view=channels")
    page.get_by_role("row", name="Inside").get_by_role("button", name="Test").click()
    expect(page.get_by_text("Test sent")).to_be_visible()
    page.get_by_role("tab", name="Deliveries").click()
    row = page.get_by_role("row", name="channel.test")
    expect(row).to_contain_text("Inside")
    expect(row).to_contain_text("127.0.0.1")
    row.click()
    expect(dialog(page).locator("pre")).to_contain_text("channel.test")
    tries = dialog(page).get_by_role("region", name="Tries").locator("tbody tr")
    expect(tries).to_have_count(1)
    dialog(page).get_by_role("button", name="Send again").click()
    expect(tries).to_have_count(2)


def test_mail_and_slack_channels(site: Site, page: Page) -> None:
    page.goto("/alerts?view=channels")
    page.get_by_role("button", name="E-mail").click()
    dialog(page).get_by_label("Name").fill("Finance")
    dialog(page).get_by_label("Addresses").fill("nobody")
    page.get_by_role("button", name="Create").click()
    expect(dialog(page).get_by_role("alert")).to_contain_text("addresses")
    dialog(page).get_by_label("Addresses").fill("a@example.com, b@example.com")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("row", name="Finance")).to_contain_text("a@example.com, b@example.com")
    page.get_by_role("button", name="Slack").click()
    dialog(page).get_by_label("Name").fill("Chat")
    dialog(page).get_by_label("Incoming webhook's URL").fill("https://hooks.slack.com/services/T0/B0/x")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("row", name="Chat")).to_contain_text("Slack")
    assert len(admin(site, "GET", "/channels")["data"]) == 2


def test_prices_of_a_project(site: Site, page: Page) -> None:
    page.goto("/settings?view=prices")
    expect(page.get_by_role("heading", name="No price of your own")).to_be_visible()
    page.get_by_role("button", name="Set a price").click()
    form = dialog(page)
    form.get_by_label("Model").fill("house-model")
    form.get_by_role("button", name="Set", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("give prices")
    form.get_by_label("Input, $ a million tokens", exact=True).fill("2.125")
    form.get_by_label("Output, $ a million tokens", exact=True).fill("8.5")
    form.get_by_label("Batch").fill("0.5")
    form.get_by_label("From (UTC)").fill("2026-01-01")
    form.get_by_role("button", name="Set", exact=True).click()
    row = page.get_by_role("row", name="house-model")
    expect(row).to_contain_text("input 2.125 · output 8.5 · batch \N{MULTIPLICATION SIGN} 0.5")
    expect(row).to_contain_text("2026-01-01")
    (price,) = admin(site, "GET", "/prices")["data"]
    assert (price["prices"], price["valid_from_us"]) == (
        {"input": "2.125", "output": "8.5"},
        1_767_225_600_000_000,
    )
    page.once("dialog", lambda question: question.accept())
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
