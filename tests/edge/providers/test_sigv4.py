"""AWS's own test vectors, and botocore as a second opinion."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.providers.sigv4 import AwsCredentials, Scope, Signable, sign

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "sigv4_vectors.json").read_text())["cases"]


def parse(text: str, *, sign_body: bool) -> Signable:
    """A request of the suite: a request line, headers that may go on over lines, an empty line, a body.

    The suite's paths are encoded once in all, ours once more than on the wire: so theirs are decoded first.
    """
    head, _, body = text.partition("\n\n")
    first, *lines = head.split("\n")
    method, rest = first.split(" ", 1)
    path, _, query = rest.rsplit(" HTTP/1.1", 1)[0].partition("?")
    headers: list[tuple[str, str]] = []
    for line in filter(None, lines):
        if line.startswith(" "):
            name, value = headers.pop()
            headers.append((name, f"{value} {line.strip()}"))
        else:
            name, _, value = line.partition(":")
            headers.append((name, value))
    if sign_body:
        headers.append(("x-amz-content-sha256", hashlib.sha256(body.encode()).hexdigest()))
    return Signable(method, unquote(path), query, tuple(headers), body.encode())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_signs_as_the_suite_of_aws_does(case: dict[str, Any]) -> None:
    context = case["context"]
    keys = context["credentials"]
    credentials = AwsCredentials(keys["access_key_id"], keys["secret_access_key"], keys.get("token"))
    now = datetime.fromisoformat(context["timestamp"].replace("Z", "+00:00"))
    request = parse(case["request"], sign_body=context["sign_body"])
    added = sign(request, credentials, Scope(context["region"], context["service"]), now)
    assert added["authorization"].endswith(f"Signature={case['signature']}")


@given(
    model=st.text("abcXYZ019.:-/", min_size=1, max_size=30),
    body=st.binary(max_size=50),
    token=st.none() | st.just("token+/=="),
)
def test_signs_as_botocore_does(model: str, body: bytes, token: str | None) -> None:
    path = f"/model/{quote(model, safe='')}/converse"
    host = "bedrock-runtime.eu-central-1.amazonaws.com"
    theirs = AWSRequest("POST", f"https://{host}{path}", {"Content-Type": "application/json"}, body)
    SigV4Auth(Credentials("AKID", "secret", token), "bedrock", "eu-central-1").add_auth(theirs)
    now = datetime.strptime(theirs.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    headers = (("Host", host), ("Content-Type", "application/json"))
    credentials = AwsCredentials("AKID", "secret", token)
    ours = sign(Signable("POST", path, "", headers, body), credentials, Scope("eu-central-1"), now)
    assert ours["authorization"] == theirs.headers["Authorization"]


def test_keeps_secrets_out_of_its_repr() -> None:
    assert repr(AwsCredentials("AKID", "very-secret", "a-token")) == "AwsCredentials(access_key_id='AKID')"
