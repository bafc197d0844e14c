"""Settings and environment to the edge's configuration."""

import pytest
from pydantic import SecretStr

from tallygate.edge.config import from_settings
from tallygate.runtime.config import ConfigError, ProviderConfig, Settings


def test_keys_come_from_the_settings_and_else_from_the_environment() -> None:
    settings = Settings(providers={"openai": ProviderConfig(api_key=SecretStr("from-settings"))})
    environ = {"OPENAI_API_KEY": "unused", "GOOGLE_API_KEY": "second", "ANTHROPIC_API_KEY": " "}
    targets = from_settings(settings, environ).targets
    assert targets["openai"].api_key == "from-settings"
    assert targets["google"].api_key == "second"
    assert targets["anthropic"].api_key == ""


def test_a_provider_of_ones_own() -> None:
    settings = Settings(providers={"LOCAL": ProviderConfig(base_url="http://127.0.0.1:1234/v1/")})
    assert from_settings(settings, {}).targets["local"].compat_url == "http://127.0.0.1:1234/v1"


@pytest.mark.parametrize("base_url", [None, "", "localhost:80", "ftp://x", "http://", "file:///etc/passwd"])
def test_a_provider_needs_an_address(base_url: str | None) -> None:
    with pytest.raises(ConfigError, match=r"providers\.local\.base_url"):
        from_settings(Settings(providers={"local": ProviderConfig(base_url=base_url)}), {})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "gateway.example", ""])
def test_open_mode_stays_on_the_loopback(host: str) -> None:
    with pytest.raises(ConfigError, match="edge_host"):
        from_settings(Settings(edge_host=host), {})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_the_loopback_is_fine(host: str) -> None:
    assert from_settings(Settings(edge_host=host), {}).host == host
