"""Whether the providers can be reached. A connection is made and closed: no call, no cost."""

import asyncio
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from tallygate.edge.config import from_settings
from tallygate.edge.routing.target import Target
from tallygate.infra.check.findings import Finding, failed, note, ok
from tallygate.runtime.config import ConfigError, Settings

CONNECT_S = 5.0


async def providers(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """A finding for each provider that has a key or is configured, and one line for all the others."""
    try:
        targets = from_settings(settings, environ).targets
    except ConfigError as error:
        return [failed("gateway", line) for line in str(error).splitlines()]
    configured = {name.lower() for name in settings.providers}
    used = [target for target in targets.values() if target.api_key or target.id in configured]
    findings = list(await asyncio.gather(*(_probe(target) for target in used)))
    rest = [target.id for target in targets.values() if target not in used]
    if rest:
        findings.append(note("other providers", f"no key here, callers bring their own: {', '.join(rest)}"))
    return findings


async def _probe(target: Target) -> Finding:
    subject = f"provider {target.id}"
    key = "key present" if target.api_key else "no key, callers bring their own"
    parts = urlsplit(target.base_url)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(
                host, port, ssl=ssl.create_default_context() if secure else None
            )
            writer.close()
    except ssl.SSLError as error:
        return failed(subject, f"{host}:{port}: TLS: {error.reason or error}")
    except TimeoutError:
        return failed(subject, f"{host}:{port}: no answer within {CONNECT_S:.0f} s")
    except OSError as error:
        return failed(subject, f"{host}:{port}: can't be reached: {error.strerror or error}")
    return ok(subject, f"{host}:{port} reached; {key}")
