"""Settings from a file and the environment, and how mistakes in them are told."""

from pathlib import Path

import pytest

from tallygate.runtime import config
from tallygate.runtime.config import ConfigError, load


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in config.child_environment({}):
        if line.startswith("TALLYGATE_"):
            monkeypatch.delenv(line)


def write(directory: Path, text: str | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    path = directory / "tallygate.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    monkeypatch.setenv("TALLYGATE_CONFIG", str(path))


def lines_of(error: pytest.ExceptionInfo[ConfigError]) -> list[str]:
    return str(error.value).splitlines()


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "edge_port: 9000\napi_port: 9001\nkafka: {partitions: 8}\n", monkeypatch)
    monkeypatch.setenv("TALLYGATE_EDGE_PORT", "9100")
    monkeypatch.setenv("TALLYGATE_KAFKA__BOOTSTRAP_SERVERS", "k:1")
    settings = load()
    assert (settings.edge_port, settings.api_port) == (9100, 9001)
    assert (settings.kafka.partitions, settings.kafka.bootstrap_servers) == (8, "k:1")


def test_every_mistake_is_a_line_that_says_what_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
    edge_prot: 1
    outbox: {quota_bytes: 1, fullpolicy: refuse}
    providers: {openai: {base_ulr: x}}
    zzz: 1
    """
    write(tmp_path, text, monkeypatch)
    monkeypatch.setenv("TALLYGATE_API_PORT", "notaport")
    with pytest.raises(ConfigError) as caught:
        load()
    told = lines_of(caught)
    assert len(told) == 6
    joined = "\n".join(told)
    assert "edge_prot: there is no such setting; did you mean edge_port?" in joined
    assert "outbox.fullpolicy: there is no such setting; did you mean full_policy?" in joined
    assert "providers.openai.base_ulr: there is no such setting; did you mean base_url?" in joined
    assert "outbox.quota_bytes (TALLYGATE_OUTBOX__QUOTA_BYTES): Input should be greater" in joined
    assert "api_port (TALLYGATE_API_PORT): Input should be a valid integer" in joined
    assert "zzz: there is no such setting; there are " in joined


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: [1", "not YAML"), ("- 1\n", "mapping"), (b"\xff\xfe\x00", ""), ("just words", "mapping")],
)
def test_a_file_that_is_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | bytes, said: str
) -> None:
    write(tmp_path, text, monkeypatch)
    with pytest.raises(ConfigError) as caught:
        load()
    assert len(lines_of(caught)) == 1
    assert "tallygate.yaml" in str(caught.value)
    assert said in str(caught.value)


def test_an_empty_file_is_no_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "", monkeypatch)
    assert load().edge_port == 8080


def test_a_file_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYGATE_CONFIG", "/nowhere/tallygate.yaml")
    with pytest.raises(ConfigError, match="is not a file"):
        load()


def test_a_variable_that_should_hold_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYGATE_PROVIDERS", "openai")
    with pytest.raises(ConfigError, match="one variable for each field"):
        load()


def test_unknown_variables_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYGATE_EDGE_PROT", "1")
    monkeypatch.setenv("TALLYGATE_KAFKA__PARTITIONS", "2")
    monkeypatch.setenv("TALLYGATE_REQUIRE_ALL", "1")
    assert config.unknown_variables() == [
        "TALLYGATE_EDGE_PROT: there is no such setting; did you mean TALLYGATE_EDGE_PORT?"
    ]


def test_secrets_are_not_in_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYGATE_PROVIDERS__OPENAI__API_KEY", "canary-key")
    monkeypatch.setenv("TALLYGATE_CLICKHOUSE__PASSWORD", "canary-password")
    settings = load()
    for shown in (repr(settings), settings.model_dump_json()):
        assert "canary" not in shown
