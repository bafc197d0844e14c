"""What is shipped beside the code: compose file, image, Makefile, lock files, the wheel."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tallygate.infra.cli import main
from tallygate.runtime.config import Settings
from tallygate.runtime.mistakes import unknown_variables

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "infra" / "compose.yaml"


def services() -> dict[str, dict[str, Any]]:
    loaded = yaml.safe_load(COMPOSE.read_text())
    assert isinstance(loaded["services"], dict)
    return loaded["services"]


def ours() -> dict[str, dict[str, Any]]:
    return {name: service for name, service in services().items() if service["image"].startswith("tallygate")}


def test_compose_is_valid_by_its_own_schema() -> None:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        str(COMPOSE),
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr


def test_compose_runs_commands_that_exist() -> None:
    commands = [service["command"] for service in ours().values()]
    assert {command[1] for command in commands} == {"edge", "worker", "budgets", "sink", "notify", "api"}
    for program, name, *_ in commands:
        assert program == "tallygate"
        assert name in main.commands
        assert not main.commands[name].hidden


def test_compose_sets_only_settings_that_exist() -> None:
    for name, service in ours().items():
        variables = [variable for variable in service["environment"] if variable.startswith("TALLYGATE_")]
        assert variables, name
        assert unknown_variables(variables, Settings) == []
        values = {
            variable: str(value).partition(":-")[2].rstrip("}") if str(value).startswith("${") else str(value)
            for variable, value in service["environment"].items()
        }
        assert _settings(values).kafka.partitions == 4


def _settings(environment: dict[str, str]) -> Settings:
    nested: dict[str, Any] = {}
    for variable, value in environment.items():
        if variable.startswith("TALLYGATE_"):
            *sections, field = variable.removeprefix("TALLYGATE_").lower().split("__")
            place = nested
            for section in sections:
                place = place.setdefault(section, {})
            place[field] = value
    return Settings(**nested)


def test_compose_pins_images_and_publishes_on_the_loopback_only() -> None:
    for name, service in services().items():
        assert re.fullmatch(r".+:[\w.-]+", service["image"]), name
        assert not service["image"].endswith(":latest") or name in ours()
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def test_compose_waits_for_health_where_it_depends() -> None:
    everything = services()
    for name, service in everything.items():
        for needed, condition in service.get("depends_on", {}).items():
            assert condition["condition"] == "service_healthy", name
            assert "healthcheck" in everything[needed]
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert not source.startswith(".") or (COMPOSE.parent / source).exists(), volume


def test_the_image_is_not_run_by_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users
    assert users[-1] not in ("root", "0")
    assert sum(line.startswith("FROM ") for line in lines) == 2
    copied = [line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert all((ROOT / path).exists() for path in copied)


@pytest.mark.parametrize(
    ("lock", "least"),
    [("requirements.lock", 60), ("infra/requirements.runtime.lock", 40), ("infra/requirements.uv.lock", 1)],
)
def test_lock_files_have_hashes_and_no_address(lock: str, least: int) -> None:
    text = (ROOT / lock).read_text()
    pins = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==", text, re.MULTILINE)
    assert len(pins) >= least
    assert text.count("--hash=sha256:") >= len(pins)
    assert "://" not in text
    assert "--index" not in text


def test_the_lock_file_has_every_dependency() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    names = {re.split(r"[<>=\[; ]", item)[0].lower().replace("_", "-") for item in wanted}
    locked = re.findall(
        r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
    assert names - {name.lower().replace("_", "-") for name in locked} == set()


def test_make_help_tells_every_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert shown.returncode == 0
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    for target in phony.group(1).split():
        assert f"make {target} " in shown.stdout, target


def test_scripts_parse() -> None:
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True, timeout=20)
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_git_ignores_no_source() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout of git")
    folders = [entry.name for entry in (ROOT / "tallygate").iterdir() if entry.is_symlink()]
    command = [
        "git",
        "ls-files",
        "--others",
        "--ignored",
        "--exclude-standard",
        "--",
        *folders,
        "tests",
        "docs",
    ]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
    made = {"__pycache__", "node_modules", ".lib", ".lib.lock"}
    assert [name for name in listed.splitlines() if not made & set(Path(name).parts)] == []


def test_the_wheel_holds_what_the_code_needs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert "tallygate/infra/cli/__main__.py" in names
    assert "tallygate/schemas/clickhouse/0001_call_log.sql" in names
    web = ROOT / "analytics" / "web"
    page = {file.relative_to(ROOT) for file in web.rglob("*.*") if file.suffix in {".js", ".css", ".html"}}
    assert len(page) > 40
    assert {f"tallygate/{file}" for file in page} <= set(names)
    assert "tallygate/analytics/web/vendor/uplot.LICENSE" in names
    assert not [name for name in names if not name.startswith(("tallygate/", "tallygate-"))]
    assert not [name for name in names if "/.lib/" in name or name.endswith((".pyc", ".jar"))]
