"""Who makes a call: its project and gateway key. Pure."""

from dataclasses import dataclass

from tallygate.control.snapshot import KeyInfo, Snapshot
from tallygate.edge.errors import GatewayError
from tallygate.edge.headers import GATEWAY_KEY, Inbound, secret_of

DEFAULT_PROJECT = "default"
_HOW = "Send a gateway key (tg-…) as Authorization: Bearer, x-api-key, or Tallygate-Auth beside your own key."


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller, by one state of the control data."""

    snapshot: Snapshot
    project: str = DEFAULT_PROJECT
    key: KeyInfo | None = None
    """None in open mode."""


def presented(inbound: Inbound, query: str) -> str:
    """The gateway key that a call comes with; empty if none.

    `Tallygate-Auth` wins; without it a key of ours may stand where a provider's would.
    """
    if (header := inbound.gateway.get("auth")) is not None:
        return secret_of(header.value)
    if inbound.gateway_key:
        return inbound.gateway_key
    return next((key for key in query_keys(query) if key.startswith(GATEWAY_KEY)), "")


def without_gateway_key(query: str) -> str:
    """The query as the provider may see it."""
    if f"key={GATEWAY_KEY}" not in query:
        return query
    return "&".join(part for part in query.split("&") if not part.startswith(f"key={GATEWAY_KEY}"))


def identify(key: str, snapshot: Snapshot, now_us: int, *, open_mode: bool) -> Identity:
    """Find out who calls.

    In open mode a call without a gateway key is the default project's, and what `Helicone-Auth` held for
    another gateway is not looked at. A gateway key that isn't good is refused everywhere: a revoked key must
    not go on as nobody.

    Raises:
        GatewayError: 401 `invalid_api_key`.
    """
    if open_mode and not key.startswith(GATEWAY_KEY):
        return Identity(snapshot)
    if not key:
        raise GatewayError(401, "invalid_api_key", f"No gateway key. {_HOW}")
    grant = snapshot.find(key)
    if grant is None:
        raise GatewayError(401, "invalid_api_key", f"The gateway key is unknown or was revoked. {_HOW}")
    if not grant.valid(now_us):
        raise GatewayError(401, "invalid_api_key", "The gateway key has expired or was rotated.")
    return Identity(snapshot, grant.key.project, grant.key)


def query_keys(query: str) -> list[str]:
    """Keys that stand in a query, as Google's API takes them."""
    return [part[4:] for part in query.split("&") if part.startswith("key=")] if "key=" in query else []
