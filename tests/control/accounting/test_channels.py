"""Channels: what each kind needs, and that a URL's secret parts are not shown."""

import base64
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from tallygate.control.accounting.channel_specs import ChannelPatch, NewChannel, NewHook
from tallygate.control.accounting.channels import check_new, check_patch, new_signing_secret, shown
from tallygate.control.errors import InvalidError

WEBHOOK = {"project": "default", "name": "ops", "kind": "webhook", "url": "https://ops.example/in"}
EMAIL = {"project": "default", "name": "ops", "kind": "email", "addresses": ["ops@example.com"]}
SIGNING = "whsec_" + base64.b64encode(b"k" * 24).decode()
HOOK = {"project": "default", "name": "all", "channel_id": "chan_" + "0" * 32}


@pytest.mark.parametrize(
    "given",
    [
        WEBHOOK,
        {**WEBHOOK, "events": "calls", "signing_secret": SIGNING},
        {**WEBHOOK, "url": "http://127.0.0.1:9000"},
        {**WEBHOOK, "url": "https://ops.example/in?token=abc"},
        {**WEBHOOK, "url": "https://[2001:db8::1]:8443/in"},
        {**WEBHOOK, "kind": "slack"},
        EMAIL,
        {**EMAIL, "addresses": ["o'neil+alerts@sub.example.com", "a@b"]},
    ],
)
def test_channels_that_can_be(given: dict[str, Any]) -> None:
    check_new(NewChannel.model_validate(given))


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({**WEBHOOK, "url": None}, "url"),
        ({**WEBHOOK, "addresses": ["a@b"]}, "addresses"),
        ({**WEBHOOK, "kind": "slack", "events": "calls"}, "events"),
        ({**WEBHOOK, "kind": "slack", "signing_secret": SIGNING}, "signing_secret"),
        ({**EMAIL, "events": "calls"}, "events"),
        ({**EMAIL, "addresses": None}, "addresses"),
        ({**EMAIL, "url": "https://ops.example"}, "url"),
        ({**EMAIL, "signing_secret": SIGNING}, "signing_secret"),
    ],
)
def test_channels_without_what_they_need(given: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_new(NewChannel.model_validate(given))
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("spec", "given", "where"),
    [
        (NewChannel, {**WEBHOOK, "url": "ftp://canary.example"}, "url"),
        (NewChannel, {**WEBHOOK, "url": "https://canary@ops.example"}, "url"),
        (NewChannel, {**WEBHOOK, "url": "https://u:canary@ops.example"}, "url"),
        (NewChannel, {**WEBHOOK, "url": "https://ops.example/#canary"}, "url"),
        (NewChannel, {**WEBHOOK, "url": "https://ops.example/ca nary"}, "url"),
        (NewChannel, {**WEBHOOK, "url": "https://ops.example/canary\r\nX: y"}, "url"),
        (NewChannel, {**WEBHOOK, "url": "https://ops.example:99999/canary"}, "url"),
        (NewChannel, {**WEBHOOK, "url": "https:///canary"}, "url"),
        (NewChannel, {**WEBHOOK, "url": "https://ops.example/" + "canary" * 400}, "url"),
        (NewChannel, {**WEBHOOK, "url": ""}, "url"),
        (NewChannel, {**WEBHOOK, "url": 5}, "url"),
        (NewChannel, {**WEBHOOK, "signing_secret": "canary"}, "signing_secret"),
        (NewChannel, {**WEBHOOK, "signing_secret": "whsec_canary!"}, "signing_secret"),
        (NewChannel, {**WEBHOOK, "signing_secret": "whsec_" + "YQ=="}, "signing_secret"),
        (NewChannel, {**WEBHOOK, "kind": "pager"}, "kind"),
        (NewChannel, {**WEBHOOK, "events": "everything"}, "events"),
        (NewChannel, {**WEBHOOK, "name": ""}, "name"),
        (NewChannel, {**WEBHOOK, "header": "x"}, "header"),
        (NewChannel, {**EMAIL, "addresses": []}, "addresses"),
        (NewChannel, {**EMAIL, "addresses": ["nobody"]}, "addresses"),
        (NewChannel, {**EMAIL, "addresses": ["a@b\r\nBcc: c@d"]}, "addresses"),
        (NewChannel, {**EMAIL, "addresses": ["A <a@b>"]}, "addresses"),
        (NewChannel, {**EMAIL, "addresses": ["a@b,c@d"]}, "addresses"),
        (NewChannel, {**EMAIL, "addresses": ["a@b"] * 51}, "addresses"),
        (ChannelPatch, {"kind": "slack"}, "kind"),
        (ChannelPatch, {"events": "calls"}, "events"),
        (ChannelPatch, {"url": None}, "url"),
        (NewHook, {**HOOK, "sample_percent": 0}, "sample_percent"),
        (NewHook, {**HOOK, "sample_percent": 101}, "sample_percent"),
        (NewHook, {**HOOK, "channel_id": "ops"}, "channel_id"),
        (NewHook, {**HOOK, "filter": {"field": "x", "op": "eq", "value": 1}}, "filter"),
    ],
)
def test_mistakes_name_their_place_and_no_value(
    spec: type[NewChannel], given: dict[str, Any], where: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        spec.model_validate(given)
    assert where in {error["loc"][0] for error in caught.value.errors()}
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://ops.example", "https://ops.example"),
        ("https://ops.example:8443/", "https://ops.example:8443"),
        ("https://ops.example/in", "https://ops.example/…"),
        ("https://hooks.slack.com/services/T0/B0/secretsecret1234", "https://hooks.slack.com/…1234"),
        ("https://ops.example?sig=secretsecretsecret5678", "https://ops.example/…5678"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, seen: str) -> None:
    assert shown(url) == seen


def test_signing_secrets_are_new_and_of_32_bytes() -> None:
    one, other = new_signing_secret().get_secret_value(), new_signing_secret().get_secret_value()
    assert one != other
    assert len(base64.b64decode(one.removeprefix("whsec_"), validate=True)) == 32
    given = NewChannel.model_validate({**WEBHOOK, "signing_secret": one})
    assert given.signing_secret == SecretStr(one)
    assert one not in repr(given) + given.model_dump_json()


@pytest.mark.parametrize(
    ("kind", "given", "param"),
    [("email", {"url": "https://ops.example"}, "url"), ("slack", {"addresses": ["a@b"]}, "addresses")],
)
def test_a_change_that_does_not_fit_the_kind(kind: str, given: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_patch(kind, ChannelPatch.model_validate(given))
    assert caught.value.param == param
