"""AWS Signature Version 4, for calls to Bedrock.

Own code, since the small libraries that sign are unmaintained or need a newer Python, and botocore is 15 MB;
held to AWS's own test suite and to botocore.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, unquote_plus

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AwsCredentials:
    """An access key, with a session token if it is temporary."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a signature holds."""

    region: str
    service: str = "bedrock"


@dataclass(frozen=True, slots=True)
class Signable:
    """A request to be signed."""

    method: str
    path: str
    """As it goes on the wire, percent-encoded, without its query."""
    query: str
    """As it goes on the wire, without the question mark."""
    headers: tuple[tuple[str, str], ...]
    """Those to be signed: `host` must be among them, `x-amz-date` must not."""
    body: bytes


def sign(request: Signable, credentials: AwsCredentials, scope: Scope, now: datetime) -> dict[str, str]:
    """Headers to add to a request: date, authorization and, with temporary credentials, their token.

    `now` must be in UTC; AWS refuses signatures that are more than five minutes off.
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    added = {"x-amz-date": stamp}
    if credentials.session_token:
        added["x-amz-security-token"] = credentials.session_token
    headers = _canonical_headers([*request.headers, *added.items()])
    where = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    to_sign = string_to_sign(canonical_request(request, headers), stamp, where)
    signature = hmac.new(_key(credentials, scope, stamp[:8]), to_sign.encode(), hashlib.sha256).hexdigest()
    added["authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key_id}/{where}, "
        f"SignedHeaders={';'.join(headers)}, Signature={signature}"
    )
    return added


def canonical_request(request: Signable, headers: dict[str, str]) -> str:
    """The request in the one form that both sides sign."""
    return "\n".join(
        (
            request.method.upper(),
            _canonical_path(request.path),
            _canonical_query(request.query),
            "".join(f"{name}:{value}\n" for name, value in headers.items()),
            ";".join(headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def string_to_sign(canonical: str, stamp: str, where: str) -> str:
    """What the key is applied to."""
    return "\n".join((ALGORITHM, stamp, where, hashlib.sha256(canonical.encode()).hexdigest()))


def _canonical_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    merged: dict[str, list[str]] = {}
    for name, value in headers:
        merged.setdefault(name.lower().strip(), []).append(re.sub(r"\s+", " ", value.strip()))
    return {name: ",".join(merged[name]) for name in sorted(merged)}


def _canonical_path(path: str) -> str:
    """Encoded once more than on the wire, as all services but S3 want it; without dots, doubled slashes."""
    if not path:
        return "/"
    normal = posixpath.normpath(re.sub(r"/+", "/", path))
    if path.endswith(("/", "/.", "/..")) and normal != "/":
        normal += "/"
    return quote(normal, safe="/-_.~")


def _canonical_query(query: str) -> str:
    pairs = [part.partition("=")[::2] for part in query.split("&") if part]
    encoded = sorted((_encode(name), _encode(value)) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encode(text: str) -> str:
    return quote(unquote_plus(text), safe="-_.~")


def _key(credentials: AwsCredentials, scope: Scope, day: str) -> bytes:
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
