"""`tallygate keys`, `providers`, `projects`, `aliases` and `admins` as a user meets them."""

import json
import logging
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tallygate.control.open import open_store
from tallygate.control.snapshot import Snapshot
from tallygate.infra.cli import main
from tests.support.control import now_us, settings_for
from tests.support.wait import eventually_sync

SECRET = "sk-canary-0123456789abcdef"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data directory that the commands work on. What they do to the logs is undone."""
    monkeypatch.setenv("TALLYGATE_DATA_DIR", str(tmp_path))
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield tmp_path
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def tallygate(*arguments: str, given: str = "", code: int = 0, **env: str) -> Result:
    """A command's result, with standard input from a pipe."""
    result = CliRunner().invoke(main, [*arguments], input=given, env=env)
    assert result.exit_code == code, result.output
    return result


def snapshot(data: Path) -> Snapshot:
    """What an edge would see."""
    store = open_store(settings_for(data))
    try:
        return store.snapshot()
    finally:
        store.close()


def listed(*arguments: str) -> list[dict[str, object]]:
    """The records that a list command prints as JSON."""
    return [json.loads(line) for line in tallygate(*arguments, "--json").stdout.splitlines()]


def test_a_keys_life(data: Path) -> None:
    made = tallygate("keys", "create", "ci", "--model", "gpt-*", "--limit", "100;w=60", "--expires-in", "90d")
    secret = made.stdout.strip()
    assert "can't be shown again" in made.stderr
    info = snapshot(data).authenticate(secret, now_us())
    assert info is not None
    assert (info.models, info.rate_limits) == (("gpt-*",), ("100;w=60",))
    assert 89 * 86_400 < ((info.expires_at_us or 0) - now_us()) / 1e6 <= 90 * 86_400
    table = tallygate("keys", "list").stdout
    assert info.key_id in table
    assert f"…{secret[-4:]}" in table
    assert secret not in table
    second = tallygate("keys", "rotate", info.key_id, "--overlap", "0s").stdout.strip()
    assert snapshot(data).authenticate(secret, now_us()) is None
    assert snapshot(data).authenticate(second, now_us()) is not None
    tallygate("keys", "revoke", info.key_id)
    assert snapshot(data).find(second) is None
    assert tallygate("keys", "list").stdout == ""
    assert json.loads(tallygate("keys", "show", info.key_id).stdout)["revoked_at"]
    assert [one["id"] for one in listed("keys", "list", "--state", "revoked")] == [info.key_id]


def test_json_of_a_new_key(data: Path) -> None:
    made = json.loads(tallygate("keys", "create", "ci", "--json").stdout)
    grant = snapshot(data).find(made["secret"])
    assert grant is not None
    assert made["key"]["id"] == grant.key.key_id


def test_a_provider_key_from_a_pipe_and_from_a_variable(data: Path) -> None:
    piped = tallygate("providers", "add", "openai", given=SECRET + "\n")
    from_variable = tallygate(
        "providers",
        "add",
        "groq",
        "--from-env",
        "MY_KEY",
        "--base-url",
        "https://x.example/v1",
        MY_KEY=SECRET,
    )
    two = ("--field", "access_key_id", "--field", "secret_access_key", "--region", "eu-west-1")
    tallygate("providers", "add", "bedrock", *two, given="AKIA\nsecret-0123456789abcd\n")
    tallygate(
        "providers", "add", "ollama", "--no-secret", "--base-url", "http://localhost:11434/v1", "--map", "a=b"
    )
    assert "…cdef" in piped.stdout
    shown = piped.output + from_variable.output + tallygate("providers", "list").output
    assert "canary" not in shown
    found = snapshot(data)
    for provider in ("openai", "groq"):
        (deployment,) = found.deployments_of("default", provider)
        assert deployment.api_key is not None
        assert deployment.api_key.get_secret_value() == SECRET
    (bedrock,) = found.deployments_of("default", "bedrock")
    assert {name: secret.get_secret_value() for name, secret in bedrock.secrets.items()} == {
        "access_key_id": "AKIA",
        "secret_access_key": "secret-0123456789abcd",
    }
    (ollama,) = found.deployments_of("default", "ollama")
    assert (ollama.secrets, ollama.model_map) == ({}, {"a": "b"})


def test_a_provider_key_typed_unseen(data: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tallygate.infra.cli", "providers", "add", "openai"]
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TALLYGATE_DATA_DIR": str(data)},
    ) as process:
        os.close(theirs)
        shown = b""
        while b"api_key: " not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, SECRET.encode() + b"\n")
        for part in iter(lambda: _read(ours), b""):
            shown += part
        assert process.wait(30) == 0, shown
    os.close(ours)
    assert b"cdef" in shown
    assert b"canary" not in shown
    (deployment,) = snapshot(data).deployments_of("default", "openai")
    assert deployment.api_key is not None


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux tells that the other side is closed
        return b""


def test_changing_and_removing_a_provider(data: Path) -> None:
    tallygate("providers", "add", "openai", given=SECRET)
    (kept,) = listed("providers", "list")
    credential_id = str(kept["id"])
    changed = tallygate("providers", "update", credential_id, "--weight", "5", "--disable", "--json")
    assert json.loads(changed.stdout)["weight"] == 5
    assert snapshot(data).deployments == {}
    tallygate(
        "providers", "update", credential_id, "--enable", "--new-secret", given="sk-another-0123456789\n"
    )
    (deployment,) = snapshot(data).deployments_of("default", "openai")
    assert deployment.api_key is not None
    assert deployment.api_key.get_secret_value() == "sk-another-0123456789"
    tallygate("providers", "remove", credential_id)
    assert listed("providers", "list") == []


def test_projects_aliases_and_admins(data: Path) -> None:
    tallygate("projects", "create", "team", "--name", "The Team")
    tallygate("aliases", "set", "fast", "gpt-4o-mini, groq/llama", "--project", "team")
    secret = tallygate("keys", "create", "k", "--project", "team").stdout.strip()
    assert snapshot(data).resolve("team", "fast") == ("gpt-4o-mini", "groq/llama")
    tallygate("projects", "archive", "team")
    assert snapshot(data).find(secret) is None
    tallygate("projects", "restore", "team")
    assert snapshot(data).find(secret) is not None
    assert "The Team" in tallygate("projects", "list").stdout
    assert "groq/llama" in tallygate("aliases", "list").stdout
    tallygate("aliases", "remove", "fast", "--project", "team")
    assert listed("aliases", "list") == []
    token = tallygate("admins", "create", "ci").stdout.strip()
    assert token.startswith("tg-admin-")
    (kept,) = listed("admins", "list")
    tallygate("admins", "revoke", str(kept["id"]))
    log = listed("admins", "log")
    assert [one["action"] for one in log][:2] == ["admin.revoke", "admin.create"]
    assert str(log[0]["actor"]).startswith("cli:")
    assert token not in str(log)
    assert "key.create" in tallygate("admins", "log", "--project", "team").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("keys", "create", " "), 2, "name:"),
        (("keys", "create", "k", "--project", "nowhere"), 1, "no project 'nowhere'"),
        (("keys", "create", "k", "--limit", "100"), 2, "rate_limits:"),
        (("keys", "create", "k", "--expires-in", "soon"), 2, "such as 90d"),
        (("keys", "create", "k", "--expires-in", "0s"), 1, "must be in the future"),
        (("keys", "revoke", "key_x"), 1, "no key 'key_x'"),
        (("keys", "rotate", "key_x"), 1, "no key 'key_x'"),
        (("keys", "show", "key_x"), 1, "no key 'key_x'"),
        (("projects", "create", "Not Good"), 2, "id:"),
        (("projects", "create", "default"), 1, "exists already"),
        (("projects", "archive", "default"), 1, "can't be archived"),
        (("aliases", "set", "a/b", "x"), 2, "name:"),
        (("aliases", "set", "a", ","), 2, "models:"),
        (("aliases", "remove", "a"), 1, "no alias 'a'"),
        (("providers", "add", "openai"), 2, "nothing was given"),
        (("providers", "add", "openai", "--from-env", "NOT_SET"), 2, "NOT_SET is not set"),
        (("providers", "add", "openai", "--from-env", "A", "--from-env", "B"), 2, "once for each --field"),
        (("providers", "add", "x", "--no-secret", "--map", "a"), 2, "MODEL=NAME"),
        (("providers", "add", "x", "--no-secret", "--base-url", "x"), 2, "base_url:"),
        (("providers", "remove", "cred_x"), 1, "no credential 'cred_x'"),
        (("providers", "test", "cred_x"), 1, "no credential 'cred_x'"),
        (("admins", "revoke", "admin_x"), 1, "no admin token"),
    ],
)
def test_mistakes(data: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    result = tallygate(*arguments, code=code)
    assert told in result.output
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert data.exists()


def test_a_mistaken_secret_is_not_repeated(data: Path) -> None:
    result = tallygate("providers", "add", "openai", given=SECRET + "\x07\n", code=2)
    assert "canary" not in result.output
    assert not (data / "control.db").exists()


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"TALLYGATE_MASTER_KEY": "short"}, "TALLYGATE_MASTER_KEY is damaged"),
        ({"TALLYGATE_CONTROL__DSN": "mysql://u:hunter2@h/d"}, "only postgresql://"),
    ],
)
def test_configuration_that_can_not_be_used(data: Path, env: dict[str, str], told: str) -> None:
    result = tallygate("keys", "list", code=2, **env)
    assert told in result.output
    assert "hunter2" not in result.output
    assert data.exists()


def test_a_store_that_is_down(data: Path) -> None:
    result = tallygate("keys", "list", code=1, TALLYGATE_CONTROL__DSN="postgresql://u:hunter2@127.0.0.1:1/d")
    assert "the control store can't be used" in result.output
    assert "hunter2" not in result.output
    assert list(data.iterdir()) == []


@pytest.fixture
def simulator_port() -> Iterator[int]:
    """The port of a running provider simulator."""
    command = [sys.executable, "-m", "tallygate.infra.cli", "simulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = eventually_sync(process.stdout.readline)
        yield int(line.rsplit(":", 1)[1])
        process.terminate()
        assert process.wait(20) == 0


def test_testing_a_provider(data: Path, simulator_port: int) -> None:
    base = f"http://127.0.0.1:{simulator_port}"
    for provider, url in (("openai", f"{base}/v1"), ("anthropic", base), ("vllm", f"{base}/v1")):
        tallygate("providers", "add", provider, "--base-url", url, given=SECRET)
    tallygate("providers", "add", "openai", "--name", "none", "--no-secret", "--base-url", f"{base}/v1")
    tallygate(
        "providers", "add", "openai", "--name", "gone", "--base-url", "http://127.0.0.1:1/v1", given=SECRET
    )
    tallygate("providers", "add", "bedrock", "--base-url", f"{base}/v1", given=SECRET)
    results = {}
    for one in listed("providers", "list"):
        result = CliRunner().invoke(main, ["providers", "test", str(one["id"])])
        assert "canary" not in result.output
        results[f"{one['provider']} {one['name']}"] = (result.exit_code, result.output)
    told = {
        "openai default": (0, "the key is taken"),
        "anthropic default": (0, "the key is taken"),
        "vllm default": (0, "the key is taken"),
        "openai none": (1, "refused (401)"),
        "openai gone": (1, "can't be reached"),
        "bedrock default": (0, "can't be tested"),
    }
    assert {name: code for name, (code, _) in results.items()} == {
        name: code for name, (code, _) in told.items()
    }
    assert all(text in results[name][1] for name, (_, text) in told.items())
