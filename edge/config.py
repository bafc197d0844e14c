"""The edge's configuration, made once from the settings and the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tallygate.edge.outbox.writer import FullPolicy, OutboxLimits
from tallygate.edge.routing.registry import ANTHROPIC, AZURE, BEDROCK, REGISTRY, Provider
from tallygate.edge.routing.target import Target
from tallygate.edge.routing.world import own_provider
from tallygate.runtime.config import ConfigError, ProviderConfig, Settings
from tallygate.runtime.loopback import is_loopback


@dataclass(frozen=True, slots=True)
class EdgeConfig:
    """What an edge worker needs to know."""

    host: str
    port: int
    request_timeout_ms: int
    max_body_bytes: int
    capture_request_bytes: int
    capture_response_bytes: int
    full_policy: FullPolicy
    outbox: OutboxLimits
    targets: Mapping[str, Target]
    """Providers that can be called, by id."""
    open_mode: bool = True
    target_urls: tuple[str, ...] = ()
    """What callers may name as `X-Target-URL`, besides the providers' own."""


def from_settings(settings: Settings, environ: Mapping[str, str]) -> EdgeConfig:
    """Build the configuration; provider keys that the settings do not hold come from `environ`.

    Raises:
        ConfigError: a provider without a usable address, or open mode on an address that others can reach.
    """
    if settings.open_mode:
        require_loopback(settings.edge_host)
    return EdgeConfig(
        host=settings.edge_host,
        port=settings.edge_port,
        request_timeout_ms=settings.request_timeout_ms,
        max_body_bytes=settings.max_body_bytes,
        capture_request_bytes=settings.capture.request_bytes,
        capture_response_bytes=settings.capture.response_bytes,
        full_policy=settings.outbox.full_policy,
        outbox=OutboxLimits(
            segment_bytes=settings.outbox.segment_bytes,
            quota_bytes=settings.outbox.quota_bytes,
            fsync=settings.outbox.fsync,
        ),
        targets=_targets(settings.providers, environ),
        open_mode=settings.open_mode,
        target_urls=settings.target_urls,
    )


def require_loopback(host: str) -> None:
    """Open mode takes calls without a key and may spend the environment's: only this machine may reach it.

    Raises:
        ConfigError: another address.
    """
    if not is_loopback(host):
        raise ConfigError(
            f"edge_host: {host} can be reached by others, and without gateway keys everybody could spend "
            "your providers' keys. Use 127.0.0.1, or a reverse proxy that authenticates."
        )


def _targets(configured: Mapping[str, ProviderConfig], environ: Mapping[str, str]) -> dict[str, Target]:
    # The settings' names come from variables, which are in upper case.
    given = {name.lower(): config for name, config in configured.items()}
    ids = [*REGISTRY, *(name for name in given if name not in REGISTRY)]
    return {id_: _target(id_, given.get(id_, ProviderConfig()), environ) for id_ in ids}


def _target(id_: str, config: ProviderConfig, environ: Mapping[str, str]) -> Target:
    provider = REGISTRY.get(id_) or _own_provider(id_, config)
    base_url = (config.base_url or provider.base_url).rstrip("/")
    if (config.base_url is not None or provider.base_url or id_ not in REGISTRY) and not _is_url(base_url):
        raise ConfigError(f"providers.{id_}.base_url: {base_url!r} is not an http or https URL")
    keys = [environ.get(name, "").strip() for name in provider.key_variables]
    if config.api_key is not None:
        keys = [config.api_key.get_secret_value()]
    return Target(
        provider,
        base_url or _first(environ, "AZURE_OPENAI_ENDPOINT" if id_ == AZURE.id else "").rstrip("/"),
        next((key for key in keys if key), ""),
        secrets=_aws_secrets(environ) if id_ == BEDROCK.id else {},
        api_version=config.api_version or (_first(environ, "OPENAI_API_VERSION") if id_ == AZURE.id else ""),
        region=config.region or _first(environ, "AWS_REGION", "AWS_DEFAULT_REGION"),
    )


def _own_provider(id_: str, config: ProviderConfig) -> Provider:
    if config.dialect == "anthropic":
        return replace(ANTHROPIC, id=id_, base_url="", key_variables=(), models="", catalogue_id="")
    return own_provider(id_)


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _aws_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    names = ("access_key_id", "secret_access_key", "session_token")
    found = {name: environ.get(f"AWS_{name.upper()}", "").strip() for name in names}
    return {name: value for name, value in found.items() if value}


def _first(environ: Mapping[str, str], *names: str) -> str:
    return next((value for name in names if (value := environ.get(name, "").strip())), "")
