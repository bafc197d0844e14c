"""Settings: read once at a process's entry point from a YAML file and the environment, then frozen.

The environment wins over the file. Nothing else in the project reads the environment. Every field `x` is
`TALLYGATE_X`; a field `y` of a section `x` is `TALLYGATE_X__Y`.
"""

import os
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)

from tallygate.runtime import mistakes
from tallygate.runtime.loopback import is_loopback

MIB = 1024 * 1024
DAY_S = 86_400
Port = Annotated[int, Field(ge=1, le=65535)]


class ConfigError(ValueError):
    """The configuration can't be used; the message names each field and what is wrong with it."""


class Section(BaseModel):
    """A frozen part of the settings; unknown fields are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class OutboxConfig(Section):
    """Events on the edge's local disk."""

    segment_bytes: Annotated[int, Field(ge=4096)] = 64 * MIB
    """Size at which a new segment file begins."""
    quota_bytes: Annotated[int, Field(ge=65536)] = 8192 * MIB
    """Events that wait, and those kept, may take this much."""
    keep_bytes: Annotated[int, Field(ge=0)] = 2048 * MIB
    """Consumed segments that are kept for replay, but never more than half of the quota."""
    full_policy: Literal["drop", "refuse"] = "drop"
    """At the quota: serve calls and count the events dropped, or refuse calls with 503 `outbox_full`."""
    fsync: bool = False
    """Survive power loss too; costs about 160 µs an event."""

    @property
    def kept_bytes(self) -> int:
        """What is kept of consumed segments: that is within the quota, and must leave room for new ones."""
        return min(self.keep_bytes, self.quota_bytes // 2)


class CaptureConfig(Section):
    """Bodies kept in events."""

    request_bytes: Annotated[int, Field(ge=0)] = 256 * 1024
    """Of a request's body, this much is kept; the rest is forwarded all the same."""
    response_bytes: Annotated[int, Field(ge=0)] = 1024 * 1024
    """Of an answer's body, this much is kept."""


class ProviderConfig(Section):
    """A provider's address and key; what is not set comes from the built-in registry."""

    base_url: str | None = None
    """As the provider's own SDK takes it: OpenAI's ends in `/v1`, Anthropic's does not."""
    api_key: SecretStr | None = None
    """Else the provider's usual variable (`OPENAI_API_KEY`, …)."""
    dialect: Literal["openai", "anthropic"] = "openai"
    """What a provider that is not built in speaks at its base URL."""
    api_version: str = ""
    """Of Azure's API of deployments."""
    region: str = ""
    """Of Bedrock; else `AWS_REGION` or `AWS_DEFAULT_REGION`."""


class KafkaConfig(Section):
    """The event log of the distributed run."""

    bootstrap_servers: str = "127.0.0.1:9092"
    """Brokers to begin with, `host:port`, separated by commas."""
    partitions: Annotated[int, Field(ge=1, le=1024)] = 4
    """Partitions of every topic; the most Faust workers that can share the work."""
    replication_factor: Annotated[int, Field(ge=1, le=8)] = 1
    """Copies of each partition; 3 in production."""
    session_timeout_ms: Annotated[int, Field(ge=1000, le=300_000)] = 6000
    """A worker or sink that is silent for so long has its partitions given to the others."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How brokers are spoken to: `SSL` encrypts, `SASL` authenticates by name and password."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How the password is proven."""
    sasl_username: str = ""
    """User of this process."""
    sasl_password: SecretStr = SecretStr("")
    """Its password."""
    ssl_ca_file: Path | None = None
    """Certificates (PEM) that sign the brokers'; unset: the system's."""
    ssl_cert_file: Path | None = None
    """This process's own certificate (PEM), where brokers ask for one."""
    ssl_key_file: Path | None = None
    """The key of that certificate (PEM, without a password)."""
    ssl_check_hostname: bool = True
    """Whether a broker's certificate must name the host that was asked for."""

    @model_validator(mode="after")
    def _complete(self) -> "KafkaConfig":
        if self.security_protocol.startswith("SASL") and not self.sasl_username:
            raise ValueError(
                f"security_protocol {self.security_protocol} needs sasl_username and sasl_password"
            )
        if not self.security_protocol.startswith("SASL") and self.sasl_username:
            raise ValueError("sasl_username is set: set security_protocol to SASL_SSL too")
        if (self.ssl_cert_file is None) != (self.ssl_key_file is None):
            raise ValueError("ssl_cert_file and ssl_key_file belong together")
        return self


class ClickHouseConfig(Section):
    """The store of the distributed run; the embedded run has its own."""

    host: str = "127.0.0.1"
    """Server's address."""
    port: Port = 8123
    """Its HTTP port."""
    username: str = "default"
    """User that may create and write the database."""
    password: SecretStr = SecretStr("")
    """Its password."""
    database: str = "tallygate"
    """Database of the tables and views."""
    secure: bool = False
    """Use HTTPS."""


class ControlConfig(Section):
    """Where projects, keys and provider credentials are kept."""

    dsn: SecretStr | None = None
    """`postgresql://…`, or `sqlite:///path`; unset: SQLite in the data directory."""


class AuthConfig(Section):
    """Who may use the API and the pages: `docs/sign-in.md`."""

    mode: Literal["open", "password", "oidc", "password+oidc"] = "open"
    """`open`: everybody at this machine, and nobody else; else one signs in, by password, at an identity
    provider (OpenID Connect), or by either."""
    public_url: str | None = None
    """Where browsers find the pages, such as `https://tallygate.example.com`; unset: on this machine only."""
    session_idle_s: Annotated[int, Field(ge=60, le=90 * DAY_S)] = DAY_S // 2
    """A browser that was not used for so long is signed out."""
    session_max_s: Annotated[int, Field(ge=60, le=365 * DAY_S)] = 7 * DAY_S
    """After so long it is signed out in any case."""
    trusted_proxies: tuple[IPvAnyNetwork, ...] = (
        ip_network("127.0.0.0/8"),
        ip_network("::1/128"),
    )
    """Reverse proxies whose `X-Forwarded-For` is believed, for limits on attempts to sign in by address."""

    @field_validator("public_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise ValueError("is the address of a web page, such as https://tallygate.example.com")
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise ValueError("has no path: the pages are at the top of their host")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("begins with https://, else passwords and cookies can be read on their way")
        return value.rstrip("/")

    @property
    def passwords(self) -> bool:
        """Whether one can sign in by password."""
        return "password" in self.mode

    @property
    def provider(self) -> bool:
        """Whether one can sign in at the identity provider."""
        return "oidc" in self.mode


class OidcConfig(Section):
    """The identity provider, for `auth.mode` `oidc`."""

    issuer: str = ""
    """Its address, as its own metadata at `/.well-known/openid-configuration` names it."""
    client_id: str = ""
    """How it knows Tallygate. Register `<public_url>/api/v1/auth/oidc/callback` there as redirect URI."""
    client_secret: SecretStr = SecretStr("")
    """Empty for a public client; PKCE is used in any case."""
    name: str = "single sign-on"
    """What the button says after "Continue with"."""
    scopes: str = "openid email profile"
    """What is asked of it; `openid email` at least."""
    trust_email: bool = False
    """Take addresses too that the provider doesn't call verified (Entra ID says nothing about them): only
    where users can't set their own."""
    create_domains: tuple[str, ...] = ()
    """Domains of e-mail addresses whose users are made at their first sign-in; else only users who were added
    before can sign in."""
    create_project: str = "default"
    """Where they get a role."""
    create_role: Literal["viewer", "member", "admin"] = "viewer"
    """Which role."""


class LimitsConfig(Section):
    """Rate limits."""

    store: Literal["lmdb", "redis"] = "lmdb"
    """Where calls are counted: `lmdb` for the edge workers of one machine, `redis` for several machines."""
    unavailable: Literal["open", "closed"] = "open"
    """While the store can't be reached: let calls through uncounted, or refuse those that have a limit."""
    max_windows: Annotated[int, Field(ge=1000)] = 500_000
    """Windows that `lmdb` holds at most, one for each limited project, user, key or property value."""


class CacheConfig(Section):
    """Answers kept for callers who ask for it."""

    store: Literal["lmdb", "redis", "off"] = "lmdb"
    """Where answers are kept: `lmdb` for the edge workers of one machine, `redis` for several machines."""
    max_bytes: Annotated[int, Field(ge=MIB)] = 1024 * MIB
    """All answers together; what was longest not used goes first."""
    max_entries: Annotated[int, Field(ge=1)] = 100_000
    """Number of answers."""
    max_entry_bytes: Annotated[int, Field(ge=1024)] = 4 * MIB
    """A larger answer is not kept."""


class RedisConfig(Section):
    """Shared by the edges of several machines, for limits and cache."""

    url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    """`redis://`, `rediss://` (TLS) or `unix://`, with user and password if there are any."""


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError as error:
        raise ValueError("not a network, such as 10.0.0.0/8") from error


class NotifyConfig(Section):
    """Delivery of alerts and call webhooks."""

    allow_private: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """Networks, such as `10.0.0.0/8`, that webhooks may be sent to although they are not public; as a
    variable, a JSON list."""
    timeout_s: Annotated[float, Field(ge=1, le=30)] = 15
    """A receiver must have answered by then; a later answer is a failure and the delivery is tried again."""
    keep_days: Annotated[int, Field(ge=2, le=3650)] = 30
    """How long finished deliveries stay in the delivery log. An alert older than this is not delivered."""
    max_waiting_calls: Annotated[int, Field(ge=100)] = 100_000
    """Records of calls that may wait for one channel; those that come when it is full are dropped and
    counted."""


class SmtpConfig(Section):
    """The mail server for alerts by e-mail; without `host` there is none."""

    host: str = ""
    """Its name."""
    port: Port = 587
    """587 for `starttls`, 465 for `tls`."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted. `none` is for a server on this machine."""
    username: str = ""
    """User of the server, if it asks for one."""
    password: SecretStr = SecretStr("")
    """Its password."""
    sender: str = ""
    """Address that the messages come from."""
    ca_file: Path | None = None
    """Certificates (PEM) that sign the server's; unset: the system's."""

    @model_validator(mode="after")
    def _complete(self) -> "SmtpConfig":
        if self.host and "@" not in self.sender:
            raise ValueError("host is set: set sender to an e-mail address too")
        if self.username and self.security == "none":
            raise ValueError("a password is not sent over an unencrypted connection: set security")
        return self


class Settings(BaseSettings):
    """All settings of a process."""

    model_config = SettingsConfigDict(
        env_prefix="TALLYGATE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
        use_attribute_docstrings=True,
    )

    config: Path | None = None
    """The YAML file that these settings came from."""
    data_dir: Path = Path("data")
    """Everything that must survive a restart; a local disk."""
    edge_host: str = "127.0.0.1"
    """Address of the gateway. In open mode only a loopback address is accepted."""
    open_mode: bool = True
    """Take calls without a gateway key, as those of the project `default`; off: every call needs one."""
    target_urls: tuple[str, ...] = ()
    """Base URLs that callers may name in `X-Target-URL`, besides those of the providers; projects have their
    own list too."""
    edge_port: Port = 8080
    """Port of the gateway."""
    edge_workers: Annotated[int, Field(ge=1, le=256)] = Field(default_factory=lambda: os.cpu_count() or 1)
    """Edge processes; one per core by default."""
    api_host: str = "127.0.0.1"
    """Address of the query API and the pages. With `auth.mode` `open` only a loopback address is accepted."""
    api_port: Port = 8081
    """Port of the query API and the pages."""
    request_timeout_ms: Annotated[int, Field(ge=1)] = 600_000
    """Total time of a call, to its last byte; a caller may ask for less."""
    max_body_bytes: Annotated[int, Field(ge=1024)] = 256 * MIB
    """A larger request is refused with 413."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe level that is logged."""
    log_format: Literal["plain", "json"] = "plain"
    """Lines for people, or a JSON object a line."""
    outbox: OutboxConfig = OutboxConfig()
    capture: CaptureConfig = CaptureConfig()
    providers: dict[str, ProviderConfig] = {}
    kafka: KafkaConfig = KafkaConfig()
    clickhouse: ClickHouseConfig = ClickHouseConfig()
    control: ControlConfig = ControlConfig()
    auth: AuthConfig = AuthConfig()
    oidc: OidcConfig = OidcConfig()
    limits: LimitsConfig = LimitsConfig()
    cache: CacheConfig = CacheConfig()
    redis: RedisConfig = RedisConfig()
    notify: NotifyConfig = NotifyConfig()
    smtp: SmtpConfig = SmtpConfig()
    master_key: SecretStr | None = None
    """32 bytes in base64 that provider credentials are encrypted with; unset: `master.key` in the data
    directory, made at the first start."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order of precedence: arguments, environment, the YAML file."""
        path = os.environ.get("TALLYGATE_CONFIG")
        yaml = (YamlConfigSettingsSource(settings_cls, yaml_file=Path(path)),) if path else ()
        return (init_settings, env_settings, *yaml)

    @property
    def outbox_dir(self) -> Path:
        """Where each edge worker has a directory, `edge-<index>`."""
        return self.data_dir / "outbox"


def load(**overrides: Any) -> Settings:
    """Read the settings.

    Raises:
        ConfigError: with a line for each mistake.
    """
    path = os.environ.get("TALLYGATE_CONFIG")
    if path and not Path(path).is_file():
        raise ConfigError(f"TALLYGATE_CONFIG: {path} is not a file")
    try:
        return Settings(**overrides)
    except ValidationError as error:
        errors = error.errors(include_input=False, include_url=False)
        raise ConfigError("\n".join(mistakes.describe(errors, Settings))) from error
    except SettingsError as error:  # a variable that should hold JSON
        raise ConfigError(
            f"{error}: write one variable for each field, as TALLYGATE_KAFKA__PARTITIONS"
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    except (TypeError, ValueError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the file is a mapping of settings to values") from error


def unknown_variables() -> list[str]:
    """A line for each variable that begins like a setting and is none."""
    return mistakes.unknown_variables(os.environ, Settings)


def child_environment(overrides: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that this one starts."""
    return {**os.environ, **overrides}
