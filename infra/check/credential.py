"""Whether a provider takes a stored credential: it is asked for its models, which costs nothing."""

from typing import TYPE_CHECKING

from tallygate.control.snapshot import Deployment
from tallygate.edge.routing.registry import REGISTRY
from tallygate.edge.routing.target import Target
from tallygate.infra.check.findings import Finding, failed, note, ok

if TYPE_CHECKING:
    import aiohttp

TIMEOUT_S = 10.0
ANTHROPIC_VERSION = "2023-06-01"
SIGNED = frozenset({"bedrock"})
"""Their requests are signed; a listing of models takes more rights than calls do."""


async def probe(deployment: Deployment) -> Finding:
    """Send one request, which follows no redirect: the key goes to that host alone."""
    import aiohttp

    subject = f"{deployment.provider} {deployment.name}"
    request = listing(deployment)
    if request is None:
        return note(subject, "can't be tested: the first call will tell")
    url, headers = request
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session,
            session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            return _judge(subject, url, response)
    except TimeoutError:
        return failed(subject, f"{url}: no answer within {TIMEOUT_S:.0f} s")
    except (aiohttp.ClientError, ValueError) as error:
        return failed(subject, f"{url}: can't be reached: {type(error).__name__}")


def listing(deployment: Deployment) -> tuple[str, dict[str, str]] | None:
    """URL and headers of the request for the models; None if it isn't known how. Pure."""
    key = deployment.api_key.get_secret_value() if deployment.api_key else ""
    provider, base = deployment.provider, deployment.base_url or ""
    if provider in SIGNED:
        return None
    if provider not in REGISTRY:
        return (f"{base}/models", {"Authorization": f"Bearer {key}"} if key else {}) if base else None
    served = REGISTRY[provider]
    target = Target(served, base or served.base_url, key, api_version=deployment.api_version or "")
    if not target.addressed:
        return None
    native = provider == "anthropic"
    headers = {name.decode(): value.decode() for name, value in target.key_headers(native=native)}
    if native:
        return f"{target.native_url}/v1/models", {**headers, "anthropic-version": ANTHROPIC_VERSION}
    return target.openai_url("/models", model=""), headers


def _judge(subject: str, url: str, response: "aiohttp.ClientResponse") -> Finding:
    if response.ok and response.status < 300:
        return ok(subject, f"{url}: the key is taken")
    if response.status in {401, 403}:
        return failed(subject, f"{url}: the key is refused ({response.status})")
    if response.status in {404, 405}:
        return note(subject, f"{url}: reached, but it lists no models: the first call will tell")
    return failed(subject, f"{url}: answers {response.status}")
