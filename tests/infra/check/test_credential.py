"""The request that tests a credential: to the right place, with the right header, once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from tallygate.control.snapshot import Deployment
from tallygate.infra.check.credential import listing, probe
from tallygate.infra.check.findings import Level


def deployment(provider: str, base_url: str | None = None, **given: Any) -> Deployment:
    fields: dict[str, Any] = {
        "credential_id": "cred_1",
        "project": None,
        "provider": provider,
        "name": "default",
        "secrets": {"api_key": SecretStr("sk-1")},
        "base_url": base_url,
        "region": None,
        "api_version": None,
        "model_map": {},
        "weight": 1,
    }
    return Deployment(**{**fields, **given})


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (deployment("openai"), ("https://api.openai.com/v1/models", {"Authorization": "Bearer sk-1"})),
        (
            deployment("anthropic"),
            (
                "https://api.anthropic.com/v1/models",
                {"x-api-key": "sk-1", "anthropic-version": "2023-06-01"},
            ),
        ),
        (
            deployment("google"),
            (
                "https://generativelanguage.googleapis.com/v1beta/openai/models",
                {"Authorization": "Bearer sk-1"},
            ),
        ),
        (
            deployment("groq", "https://proxy.example"),
            ("https://proxy.example/openai/v1/models", {"Authorization": "Bearer sk-1"}),
        ),
        (
            deployment("azure", "https://me.example", api_version="2026-01-01"),
            ("https://me.example/openai/models?api-version=2026-01-01", {"api-key": "sk-1"}),
        ),
        (deployment("vllm", "http://gpu:8000/v1", secrets={}), ("http://gpu:8000/v1/models", {})),
        (deployment("unknown"), None),
        (deployment("azure"), None),
        (deployment("bedrock", "https://b.example"), None),
    ],
)
def test_where_a_credential_is_tested(one: Deployment, expected: tuple[str, dict[str, str]] | None) -> None:
    assert listing(one) == expected


@asynccontextmanager
async def answering(
    status: int, headers: dict[str, str] | None = None
) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that answers everything so; its base URL and the paths asked for."""
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        yield str(server.make_url("/v1")), asked


@pytest.mark.parametrize(
    ("status", "level"),
    [
        (200, Level.OK),
        (401, Level.FAILED),
        (403, Level.FAILED),
        (404, Level.NOTE),
        (429, Level.FAILED),
        (500, Level.FAILED),
        (302, Level.FAILED),
    ],
)
async def test_answers_are_judged_and_redirects_not_followed(status: int, level: Level) -> None:
    async with answering(status, {"Location": "/elsewhere"}) as (url, asked):
        found = await probe(deployment("vllm", url))
    assert found.level is level
    assert asked == ["/v1/models"]
    assert "sk-1" not in found.detail
