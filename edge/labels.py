"""Labels: what the gateway's own request headers say about a call (GATEWAY.md, "Request headers")."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tallygate.edge.errors import invalid_header

PREFIXES = (b"tallygate-", b"helicone-")
MAX_PROPERTIES = 64
MAX_NAME_CHARS = 64
MAX_VALUE_CHARS = 1024
MAX_TIMEOUT_MS = 86_400_000

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_PROPERTY = "property-"


@dataclass(frozen=True, slots=True)
class GatewayHeader:
    """A header of the gateway's: its name as sent, with its prefix, and its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Labels:
    """Who made a call and how it is to be recorded."""

    request_id: str = ""
    user_id: str = ""
    session_id: str = ""
    session_name: str = ""
    session_path: str = ""
    prompt_id: str = ""
    prompt_version: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    omit_request: bool = False
    omit_response: bool = False
    model_override: str = ""
    timeout_ms: int | None = None
    drop_unsupported: bool = False
    webhook: bool = False


NO_LABELS = Labels()


def parse(headers: Mapping[str, GatewayHeader]) -> Labels:
    """Read labels from the gateway's headers, by their name in lower case without the prefix.

    Raises:
        GatewayError: 400 `invalid_header`, naming the header.
    """
    if not headers:
        return NO_LABELS
    properties = _properties(headers)
    return Labels(
        request_id=_request_id(headers.get("request-id")),
        user_id=_text(headers.get("user-id")) or _user_property(properties),
        session_id=_text(headers.get("session-id")),
        session_name=_text(headers.get("session-name")),
        session_path=_text(headers.get("session-path")),
        prompt_id=_text(headers.get("prompt-id")),
        prompt_version=_text(headers.get("prompt-version")),
        properties=properties,
        omit_request=_boolean(headers.get("omit-request")),
        omit_response=_boolean(headers.get("omit-response")),
        model_override=_text(headers.get("model-override")),
        timeout_ms=_timeout(headers.get("timeout")),
        drop_unsupported=_boolean(headers.get("drop-unsupported")),
        webhook=_boolean(headers.get("webhook-enabled")),
    )


def _properties(headers: Mapping[str, GatewayHeader]) -> dict[str, str]:
    properties: dict[str, str] = {}
    for suffix, header in headers.items():
        if suffix.startswith(_PROPERTY):
            # The display name is the end of the name as sent, whatever its prefix was.
            name = header.name[len(header.name) - len(suffix) + len(_PROPERTY) :]
            if not 1 <= len(name) <= MAX_NAME_CHARS:
                raise invalid_header(header.name, f"a property's name has 1 to {MAX_NAME_CHARS} characters.")
            properties[name] = _text(header)
    if len(properties) > MAX_PROPERTIES:
        raise invalid_header("Tallygate-Property-*", f"at most {MAX_PROPERTIES} properties can be set.")
    return properties


def _user_property(properties: Mapping[str, str]) -> str:
    for name, value in properties.items():
        if name.lower() == "userid":
            return value
    return ""


def _text(header: GatewayHeader | None) -> str:
    if header is None:
        return ""
    if len(header.value) > MAX_VALUE_CHARS:
        raise invalid_header(header.name, f"the value is longer than {MAX_VALUE_CHARS} characters.")
    return header.value


def _request_id(header: GatewayHeader | None) -> str:
    if header is None:
        return ""
    if _UUID.fullmatch(header.value) is None:
        raise invalid_header(header.name, "not a UUID.")
    return header.value.lower()


def _boolean(header: GatewayHeader | None) -> bool:
    if header is None:
        return False
    value = _BOOLEANS.get(header.value.lower())
    if value is None:
        raise invalid_header(header.name, "must be true, false, 1 or 0.")
    return value


def _timeout(header: GatewayHeader | None) -> int | None:
    if header is None:
        return None
    # isdecimal alone would take digits of other scripts.
    if not (header.value.isascii() and header.value.isdecimal() and len(header.value) <= 9):
        raise invalid_header(header.name, "must be a whole number of milliseconds.")
    value = int(header.value)
    if not 1 <= value <= MAX_TIMEOUT_MS:
        raise invalid_header(header.name, f"must be between 1 and {MAX_TIMEOUT_MS}.")
    return value
