"""`tallygate rules`, `channels`, `hooks` and `prices`."""

import json
import re
import shlex
from decimal import Decimal
from pathlib import Path

import pytest

from tests.infra.test_control_cli import data, listed, snapshot, tallygate

__all__ = ["data"]
URL = "https://ops.example/services/canary-0123456789"


def test_a_rules_whole_life(data: Path) -> None:
    made = json.loads(tallygate("rules", "create", "Daily spend", "--limit-usd", "50", "--json").stdout)
    (rule,) = snapshot(data).rule_book.rules["default"]
    assert (rule.rule_id, rule.limit, rule.action) == (made["rule_id"], 50 * 10**9, "notify")
    assert "cost at least $50 in a day" in tallygate("rules", "list").stdout
    options = ("--limit-usd", "60", "--window", "month", "--group-by", "property.Team", "--action", "block")
    changed = tallygate("rules", "update", rule.rule_id, *options, "--reserve", "--threshold", "50").stdout
    assert "cost at least $60 in a month, by property.team" in changed
    (rule,) = snapshot(data).rule_book.rules["default"]
    assert (rule.reserve, rule.thresholds_percent, rule.counting_revision) == (True, (50,), 2)
    assert "muted until" in tallygate("rules", "mute", rule.rule_id, "--for", "2h").stderr
    assert "muted" in tallygate("rules", "list").stdout
    tallygate("rules", "unmute", rule.rule_id)
    assert json.loads(tallygate("rules", "show", rule.rule_id).stdout)["muted_until_us"] is None
    tallygate("rules", "update", rule.rule_id, "--disable")
    assert snapshot(data).rule_book.rules == {}
    assert "off" in tallygate("rules", "list").stdout
    tallygate("rules", "remove", rule.rule_id)
    assert tallygate("rules", "list").stdout == ""


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--metric latency_p95 --limit-ms 2500.5 --window 15m", "latency_p95 at least 2500.5 ms in 15m"),
        ("--metric error_rate --limit-percent 2.5 --window 1h", "error_rate at least 2.5 % in 1h"),
        ("--metric requests --limit 10 --window 7d --below", "requests below 10 in 7d"),
        ("--kind projected --limit-usd 1000 --window month", "cost on the way to $1000 in a month"),
        ("--kind anomaly --factor 2.5 --weeks 2", "cost 2.5 times that of the past 2 weeks in an hour"),
        ("--limit-usd 0.000001 --window 90s", "cost at least $0.000001 in 90s"),
    ],
)
def test_rules_in_words(data: Path, options: str, told: str) -> None:
    assert told in tallygate("rules", "create", "r", *options.split()).stdout
    assert data.exists()


def test_filters_whole_and_in_short(data: Path) -> None:
    tree = '{"not": {"field": "status", "op": "eq", "value": 200}}'
    tallygate("rules", "create", "a", "--limit-usd", "5", "--filter", tree)
    tallygate("rules", "create", "b", "--limit-usd", "5", "--where", "status=429", "--where", "property.A=1")
    tallygate("rules", "create", "c", "--limit-usd", "5", "--where", "model=a=b")
    a, b, c = listed("rules", "list")[::-1]
    assert a["filter"] == json.loads(tree)
    status = {"field": "status", "op": "eq", "value": 429}
    assert b["filter"] == {"and": [status, {"field": "property.A", "op": "eq", "value": "1"}]}
    assert c["filter"] == {"field": "model", "op": "eq", "value": "a=b"}
    tallygate("rules", "update", str(a["rule_id"]), "--all-calls")
    assert listed("rules", "list")[-1]["filter"] is None
    assert data.exists()


def test_channels_of_each_kind(data: Path) -> None:
    made = tallygate("channels", "add", "ops", given=URL + "\n")
    signing = made.stdout.strip()
    assert signing.startswith("whsec_")
    assert "can't be shown again" in made.stderr
    slack = tallygate("channels", "add", "chat", "--kind", "slack", "--from-env", "HOOK", HOOK=URL)
    assert slack.stdout == ""
    tallygate("channels", "add", "mail", "--kind", "email", "--to", "a@b.c", "--to", "d@e.f")
    table = tallygate("channels", "list").output
    assert "a@b.c, d@e.f" in table
    assert "https://ops.example/…6789" in table
    assert "canary" not in table + made.output.replace(signing, "") + slack.output
    assert signing not in table
    mail, _, webhook = (str(one["channel_id"]) for one in listed("channels", "list"))
    rule = json.loads(
        tallygate("rules", "create", "r", "--limit-usd", "5", "--channel", mail, "--json").stdout
    )
    assert rule["channels"] == [mail]
    assert "is used by" in tallygate("channels", "remove", mail, code=1).output
    tallygate("rules", "update", rule["rule_id"], "--all-channels")
    tallygate("channels", "remove", mail)
    rotated = tallygate("channels", "rotate", webhook).stdout.strip()
    tallygate("channels", "update", webhook, "--name", "new", "--new-url", given="https://new.example/x\n")
    found = snapshot(data).channel_secrets[webhook]
    assert {name: secret.get_secret_value() for name, secret in found.items()} == {
        "url": "https://new.example/x",
        "signing_secret": rotated,
    }
    tallygate("channels", "update", webhook, "--disable")
    assert webhook not in snapshot(data).channel_secrets


def test_hooks(data: Path) -> None:
    made = json.loads(tallygate("channels", "add", "ops", "--calls", "--json", given=URL).stdout)
    channel_id = made["channel"]["channel_id"]
    options = ("--where", "outcome=timeout", "--sample", "12.5", "--bodies")
    assert "12.5 %" in tallygate("hooks", "create", "slow ones", channel_id, *options).stdout
    (hook,) = snapshot(data).rule_book.hooks["default"]
    assert (hook.include_bodies, hook.channel_id) == (True, channel_id)
    tallygate("hooks", "update", hook.hook_id, "--disable", "--no-bodies")
    (shown,) = listed("hooks", "list")
    assert (shown["enabled"], shown["include_bodies"]) == (False, False)
    tallygate("hooks", "remove", hook.hook_id)
    assert listed("hooks", "list") == []


def test_prices(data: Path) -> None:
    options = ("--input", "2.50", "--output", "10", "--tier", "200000:input=5,cache-write=6.25")
    more = (
        "--multiplier",
        "batch=0.5",
        "--per-request",
        "0.001",
        "--from",
        "2026-01-01",
        "--to",
        "2027-01-01",
    )
    shown = tallygate("prices", "add", "gpt-*", "--provider", "openai", *options, *more).stdout
    assert "input $2.50, output $10, above 200000 tokens otherwise, $0.001 a call, batch x 0.5" in shown
    assert "2026-01-01  2027-01-01" in shown
    (price,) = snapshot(data).rule_book.price_overrides["default"]
    assert price.tiers[0].prices == {"input": Decimal(5), "cache_write": Decimal("6.25")}
    tallygate("prices", "remove", price.price_id)
    assert listed("prices", "list") == []


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("rules", "create", "r"), 1, "is missing: give limit_usd or limit"),
        (("rules", "create", "r", "--limit-ms", "5"), 1, "give limit_usd or limit"),
        (("rules", "create", "r", "--limit-usd", "much"), 2, "limit_usd:"),
        (("rules", "create", "r", "--limit-usd", "5", "--window", "noon"), 2, "window:"),
        (("rules", "create", "r", "--limit-usd", "5", "--where", "model"), 2, "FIELD=VALUE"),
        (("rules", "create", "r", "--limit-usd", "5", "--where", "color=red"), 2, "filter.field:"),
        (("rules", "create", "r", "--limit-usd", "5", "--where", "status=ok"), 2, "no JSON"),
        (("rules", "create", "r", "--limit-usd", "5", "--filter", "{"), 2, "no JSON"),
        (("rules", "create", "r", "--limit-usd", "5", "--filter", "{}", "--where", "a=b"), 2, "--filter or"),
        (("rules", "update", "rule_x", "--name", "n"), 1, "no rule 'rule_x'"),
        (("rules", "mute", "rule_x"), 1, "no rule 'rule_x'"),
        (("rules", "remove", "rule_x"), 1, "no rule 'rule_x'"),
        (("channels", "add", "c"), 2, "nothing was given"),
        (("channels", "add", "c", "--kind", "email"), 1, "is what a channel of kind email needs"),
        (("channels", "add", "c", "--kind", "pager", "--from-env", "HOME"), 2, "kind:"),
        (("channels", "rotate", "chan_x"), 1, "no channel 'chan_x'"),
        (("hooks", "create", "h", "chan_x"), 2, "channel_id:"),
        (("hooks", "create", "h", "chan_" + "0" * 32), 1, "events calls"),
        (("prices", "add", "gpt-*"), 1, "this changes no price"),
        (("prices", "add", "gpt-*", "--input", "-1"), 2, "prices.input:"),
        (("prices", "add", "gpt-*", "--tier", "5"), 2, "TOKENS:KIND=USD"),
        (("prices", "add", "gpt-*", "--multiplier", "batch"), 2, "a name, = and a number"),
        (("prices", "add", "gpt-*", "--from", "soon"), 2, "--from"),
        (("prices", "remove", "price_x"), 1, "no price override 'price_x'"),
    ],
)
def test_mistakes(data: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    result = tallygate(*arguments, code=code)
    assert told in result.output
    assert "Traceback" not in result.output
    assert data.exists()


def test_a_mistaken_url_is_not_repeated(data: Path) -> None:
    result = tallygate("channels", "add", "ops", given="ftp://canary\n", code=2)
    assert "url:" in result.output
    assert "canary" not in result.output
    assert not (data / "control.db").exists()


def cookbook() -> list[str]:
    """The commands of the cookbook in docs/alerts.md; what stands for more in them is filled in."""
    text = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .* \| `(.*)` \|$", text.partition("## Cookbook")[2], re.MULTILINE)
    return [row.replace("… --filter", "'Long' --limit-usd 5 --filter") for row in rows[1:]]


@pytest.mark.parametrize("options", cookbook())
def test_the_cookbook(data: Path, options: str) -> None:
    assert "rule_" in tallygate("rules", "create", *shlex.split(options)).stdout
    assert data.exists()


def test_the_cookbook_is_found() -> None:
    assert len(cookbook()) >= 16


def test_a_channel_is_tested_and_its_delivery_shown(data: Path) -> None:
    tallygate("channels", "add", "ops", given="https://ops.example/in")
    (channel,) = listed("channels", "list")
    assert "nothing was sent yet" in tallygate("deliveries", "list").stderr
    made = tallygate("channels", "test", str(channel["channel_id"]))
    assert "channel.test" in made.stdout
    (delivery,) = listed("deliveries", "list", "--state", "waiting")
    shown = json.loads(tallygate("deliveries", "show", str(delivery["id"])).stdout)
    assert shown["payload"]["data"]["message"] == "This channel works."
    assert "waiting" in tallygate("deliveries", "resend", str(delivery["id"])).stdout
    assert listed("deliveries", "list", "--state", "dead") == []
    assert "no delivery" in tallygate("deliveries", "show", "dlv_1", code=1).stderr
