"""The page, the headers that shield it, and who is answered at all."""

import json
import re
from importlib import resources
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from tallygate.analytics.pages import PATHS
from tallygate.runtime.clickhouse import ServerTarget
from tallygate.runtime.config import ClickHouseConfig
from tests.support.api import running_api

WEB = Path(str(resources.files("tallygate.analytics.web")))
OURS = sorted(
    file for file in WEB.rglob("*.*") if file.suffix in {".js", ".css"} and "vendor" not in file.parts
)
SCRIPTS = [file for file in OURS if file.suffix == ".js"]
TYPES = {".js": "text/javascript", ".css": "text/css"}


async def test_every_view_is_the_page_and_every_file_is_served() -> None:
    async with running_api() as api:
        for path in PATHS:
            async with api.client.get(path) as response:
                assert (response.status, response.content_type) == (200, "text/html")
                policy = response.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
        for file in OURS:
            async with api.client.get(f"/assets/{file.relative_to(WEB)}") as response:
                assert (response.status, response.content_type) == (200, TYPES[file.suffix])
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                tag = response.headers["ETag"]
        async with api.client.get(
            f"/assets/{OURS[-1].relative_to(WEB)}", headers={"If-None-Match": tag}
        ) as again:
            assert again.status == 304


async def test_the_views_are_those_that_the_script_knows() -> None:
    known = re.findall(r'\{ path: "([^"]+)"', (WEB / "app.js").read_text("utf-8"))
    assert sorted(known) == sorted(PATHS)


def test_the_page_needs_nothing_from_elsewhere_and_no_html_from_calls() -> None:
    html = (WEB / "index.html").read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", html)
    for file in [*OURS, WEB / "index.html"]:
        text = file.read_text("utf-8")
        assert not re.search(r"(src|href|url|import|from)\W{1,3}(https?:)?//[a-z0-9]", text), file
        forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
        assert not re.search(forbidden, text), file


def test_every_import_of_a_script_exists() -> None:
    for file in SCRIPTS:
        names = re.findall(r'from "([^"]+)"', file.read_text("utf-8"))
        assert all((file.parent / name).resolve().is_file() for name in names), file


def test_the_vendored_files_are_few_and_their_licences_with_them() -> None:
    files = [file for file in (WEB / "vendor").iterdir() if file.suffix in {".js", ".css"}]
    assert sum(file.stat().st_size for file in files) < 400_000
    for name, package in json.loads((WEB / "vendor" / "vendor.json").read_text()).items():
        assert package["integrity"].startswith("sha512-"), name
        assert all((WEB / "vendor" / target).is_file() for target in package["files"].values())
        assert (WEB / "vendor" / f"{name}.LICENSE").is_file()


async def test_every_answer_is_shielded() -> None:
    async with running_api() as api:
        for path in ("/api/v1/requests", "/api/v1/requests?limit=x", "/nowhere", "/healthz"):
            async with api.client.get(path) as response:
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["Cache-Control"] == "no-store"
                assert not {name for name in response.headers if name.startswith("Access-Control")}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/assets/../app.py", 404, "not_found"),
        ("GET", "/assets/%2e%2e/app.py", 404, "not_found"),
        ("GET", "/api/v1/sql", 405, "method_not_allowed"),
        ("POST", "/api/v1/requests", 405, "method_not_allowed"),
    ],
)
async def test_errors_have_one_shape(method: str, path: str, status: int, code: str) -> None:
    async with running_api() as api, api.client.request(method, path) as response:
        answer = await response.json()
        assert (response.status, answer["error"]["code"]) == (status, code)
        assert answer["error"]["type"] == "tallygate_error"


FOREIGN = [
    "[::1",
    "[::1]x",
    "me@127.0.0.1",
    "evil.example",
    "127.0.0.1.evil.example",
    "10.0.0.1:8081",
    "localhost.evil",
    "[::2]",
]
OWN = ["localhost:8081", "LOCALHOST", "127.0.0.1", "127.8.9.10:1", "[::1]:8081", "a.localhost"]


@pytest.mark.parametrize("host", FOREIGN)
async def test_other_hosts_are_refused(host: str) -> None:
    async with running_api() as api:
        for path in ("/", "/api/v1/requests", "/healthz"):
            async with api.client.get(path, headers={"Host": host}) as response:
                code = (await response.json())["error"]["code"]
                assert (response.status, code) == (403, "host_not_allowed")


@pytest.mark.parametrize("host", OWN)
async def test_this_machine_is_answered(host: str) -> None:
    async with running_api() as api, api.client.get("/healthz", headers={"Host": host}) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://[::1", "null", "file://", "http://127.0.0.1.evil.example:8081"]
)
async def test_pages_of_other_sites_are_refused(origin: str) -> None:
    query = {"query": "SELECT 1"}
    async with running_api() as api:
        async with api.client.post("/api/v1/sql", json=query, headers={"Origin": origin}) as response:
            code = (await response.json())["error"]["code"]
            assert (response.status, code) == (403, "origin_not_allowed")
        headers = {"Origin": "http://localhost:3000"}
        async with api.client.post("/api/v1/sql", json=query, headers=headers) as response:
            assert response.status == 200


async def test_info_and_health() -> None:
    async with running_api(gateway_url="http://127.0.0.1:1234") as api:
        assert (await api.get("/api/v1/info"))["gateway_url"] == "http://127.0.0.1:1234"
        for path in ("/healthz", "/readyz"):
            async with api.client.get(path) as response:
                assert response.status == 200


async def test_without_clickhouse_it_lives_and_is_not_ready() -> None:
    async with running_api(ServerTarget(ClickHouseConfig(port=1))) as api:
        async with api.client.get("/healthz") as response:
            assert response.status == 200
        async with api.client.get("/readyz") as response:
            assert response.status == 503
            assert "no answer from ClickHouse" in await response.text()
        for path in ("/api/v1/requests", "/api/v1/usage", "/api/v1/requests/x"):
            answer = await api.get(path, status=503)
            assert answer["error"]["code"] == "store_unavailable"
        answer = await api.sql("SELECT 1", status=503)
        assert answer["error"]["code"] == "store_unavailable"


async def test_metrics_count_by_route_and_show_the_process_too() -> None:
    registry = CollectorRegistry()
    Gauge("tallygate_of_the_process", "Given.", registry=registry).set(7)
    async with running_api(registry=registry) as api:
        await api.get("/api/v1/requests")
        await api.get("/api/v1/requests/some-id", status=404)
        await api.get("/nowhere", status=404)
        async with api.client.get("/metrics") as response:
            text = await response.text()
    assert 'tallygate_api_requests_total{route="/api/v1/requests",status="200"} 1.0' in text
    assert 'tallygate_api_requests_total{route="/api/v1/requests/{id}",status="404"} 1.0' in text
    assert 'tallygate_api_requests_total{route="other",status="404"} 1.0' in text
    assert "tallygate_of_the_process 7.0" in text
