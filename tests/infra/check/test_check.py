"""`tallygate check`: each dependency there, missing, or wrong."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tallygate.infra.check import findings, local, services
from tallygate.infra.check.findings import Finding, Level, failed, note, ok
from tallygate.infra.check.providers import providers
from tallygate.infra.check.run import run_checks
from tallygate.infra.simulator import running_simulator
from tallygate.infra.stack import Endpoint
from tallygate.runtime.config import ClickHouseConfig, KafkaConfig, ProviderConfig, Settings


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def settings_in(directory: Path, **values: object) -> Settings:
    ports = {"edge_port": closed_port(), "api_port": closed_port()}
    return Settings(data_dir=directory, **{**ports, **values})  # type: ignore[arg-type]  # any field


def only(found: list[Finding], subject: str) -> Finding:
    return next(finding for finding in found if finding.subject == subject)


@asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[int]:
    """A server that answers anything with the same bytes; its port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_new_machine_passes(tmp_path: Path) -> None:
    found = await run_checks(settings_in(tmp_path), "embedded", {}, [])
    assert findings.worst(found) is not Level.FAILED
    assert only(found, "chdb").level is Level.OK
    assert "openai" in only(found, "other providers").detail


async def test_a_provider_with_a_key_is_reached_and_never_called(tmp_path: Path) -> None:
    async with running_simulator() as sim:
        configured = {"openai": ProviderConfig(base_url=f"{sim.url}/v1")}
        settings = settings_in(tmp_path, providers=configured)
        found = await providers(settings, {"OPENAI_API_KEY": "sk-canary-0123456789"})
        keyless = await providers(settings, {})
        assert sim.stats.requests == 0
    assert only(found, "provider openai").level is Level.OK
    assert "key present" in only(found, "provider openai").detail
    assert "no key" in only(keyless, "provider openai").detail
    assert "canary" not in findings.table(found)


async def test_a_provider_that_is_not_there(tmp_path: Path) -> None:
    configured = {"groq": ProviderConfig(base_url=f"http://127.0.0.1:{closed_port()}")}
    found = await providers(settings_in(tmp_path, providers=configured), {})
    assert only(found, "provider groq").level is Level.FAILED
    assert "can't be reached" in only(found, "provider groq").detail


async def test_a_provider_that_does_not_speak_tls(tmp_path: Path) -> None:
    async with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        configured = {"openai": ProviderConfig(base_url=f"https://127.0.0.1:{port}/v1")}
        found = await providers(settings_in(tmp_path, providers=configured), {})
    assert only(found, "provider openai").level is Level.FAILED
    assert "TLS" in only(found, "provider openai").detail
    assert ssl.HAS_TLSv1_3


@pytest.mark.parametrize("url", ["ftp://x/v1", "not a url", "https://"])
async def test_a_base_url_that_is_none(tmp_path: Path, url: str) -> None:
    configured = {"openai": ProviderConfig(base_url=url)}
    found = await providers(settings_in(tmp_path, providers=configured), {})
    assert [finding.level for finding in found] == [Level.FAILED]
    assert "providers.openai.base_url" in found[0].detail


async def test_an_edge_that_others_could_reach(tmp_path: Path) -> None:
    found = await providers(settings_in(tmp_path, edge_host="0.0.0.0"), {})
    assert only(found, "gateway").level is Level.FAILED


async def test_ports(tmp_path: Path) -> None:
    endpoint = Endpoint("gateway", "127.0.0.1", closed_port(), "TALLYGATE_EDGE_PORT")
    assert (await local.port(endpoint)).level is Level.OK
    async with running_simulator() as sim:
        ours = Endpoint("gateway", "127.0.0.1", int(sim.url.rpartition(":")[2]), "TALLYGATE_EDGE_PORT")
        assert "is running" in (await local.port(ours)).detail
    async with answering(b"HTTP/1.1 404 Not Found\r\n\r\n") as port:
        other = Endpoint("gateway", "127.0.0.1", port, "TALLYGATE_EDGE_PORT")
        finding = await local.port(other)
    assert finding.level is Level.FAILED
    assert "set TALLYGATE_EDGE_PORT" in finding.detail


async def test_a_listener_that_speaks_no_http_is_not_us() -> None:
    async with answering(b"\x00\x01garbage") as port:
        endpoint = Endpoint("API", "127.0.0.1", port, "TALLYGATE_API_PORT")
        assert (await local.port(endpoint)).level is Level.FAILED


def test_no_probe_is_left_behind(tmp_path: Path) -> None:
    assert local.data_directory(settings_in(tmp_path)).level is Level.OK
    assert list(tmp_path.iterdir()) == []


def test_a_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    finding = local.data_directory(settings_in(tmp_path / "file" / "below"))
    assert finding.level is Level.FAILED
    assert "can't be written" in finding.detail


def test_a_disk_smaller_than_the_quota_is_noted(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, outbox={"quota_bytes": 1 << 60})
    assert local.data_directory(settings).level is Level.NOTE


async def test_services_that_are_not_there(tmp_path: Path) -> None:
    settings = settings_in(
        tmp_path,
        kafka=KafkaConfig(bootstrap_servers=f"127.0.0.1:{closed_port()}"),
        clickhouse=ClickHouseConfig(port=closed_port()),
    )
    found = await run_checks(settings, "distributed", {}, [])
    assert only(found, "kafka").level is Level.FAILED
    assert only(found, "clickhouse").level is Level.FAILED


async def test_a_server_that_is_no_clickhouse(tmp_path: Path) -> None:
    async with running_simulator() as sim:
        port = int(sim.url.rpartition(":")[2])
        finding = await services.clickhouse(settings_in(tmp_path, clickhouse=ClickHouseConfig(port=port)))
    assert finding.level is Level.FAILED


async def test_unknown_variables_fail(tmp_path: Path) -> None:
    found = await run_checks(settings_in(tmp_path), "embedded", {}, ["TALLYGATE_X: there is no such setting"])
    assert failed("configuration", "TALLYGATE_X: there is no such setting") in found


def test_the_table_is_aligned() -> None:
    found = [ok("a", "fine"), note("longer", "well"), failed("b", "bad")]
    assert findings.table(found).splitlines() == [
        "a       ok      fine",
        "longer  note    well",
        "b       FAILED  bad",
    ]
    assert findings.worst(found) is Level.FAILED
    assert findings.worst(found[:2]) is Level.NOTE
    assert findings.worst([]) is Level.OK
