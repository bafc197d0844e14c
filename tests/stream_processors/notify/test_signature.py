"""Signatures, against the specification's own package."""

import time

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tallygate.stream_processors.notify.signature import signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "QUFB" * 8
BODY = '{"type": "alert.firing", "data": {"name": "Größe"}}'.encode()


def test_the_specifications_package_takes_it() -> None:
    headers = signed_headers("msg_1", int(time.time()), BODY, [SECRET])
    assert Webhook(SECRET).verify(BODY, headers)["type"] == "alert.firing"


def test_the_example_of_the_specifications_libraries() -> None:
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [SECRET])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_during_a_change_both_secrets_do() -> None:
    headers = signed_headers("msg_1", int(time.time()), BODY, [SECRET, OTHER])
    assert Webhook(SECRET).verify(BODY, headers)
    assert Webhook(OTHER).verify(BODY, headers)


def test_a_change_of_any_part_is_noticed() -> None:
    headers = signed_headers("msg_1", int(time.time()), BODY, [SECRET])
    for changed, body in (
        ({**headers, "webhook-id": "msg_2"}, BODY),
        ({**headers, "webhook-timestamp": str(int(time.time()) + 1)}, BODY),
        (headers, BODY + b" "),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body, changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(BODY, headers)
