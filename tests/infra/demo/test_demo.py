"""The demo's calls: lively, the same for the same seed, and harmless."""

import asyncio
import itertools

import pytest

from tallygate.edge.config import from_settings
from tallygate.edge.routing.registry import REGISTRY
from tallygate.infra.demo.scenario import Ask, Scenario
from tallygate.infra.demo.setup import SIMULATOR_KEY, processes, provider_environment
from tallygate.infra.demo.traffic import Traffic
from tallygate.infra.simulator import running_simulator
from tallygate.infra.simulator.controls import HEADER, Controls, parse
from tallygate.runtime.config import Settings, load


def asks(count: int, seed: int = 1) -> list[Ask]:
    return list(itertools.islice(Scenario(seed).asks(), count))


def test_the_same_seed_makes_the_same_calls() -> None:
    assert asks(200) == asks(200)
    assert asks(200) != asks(200, seed=2)


def test_there_is_something_of_everything() -> None:
    made = asks(2000)
    models = {str(ask.body["model"]) for ask in made}
    assert {model.split("-")[0] for model in models} >= {"gpt", "claude", "gemini", "text"}
    assert {ask.path for ask in made} == {"/v1/chat/completions", "/v1/messages", "/v1/embeddings"}
    assert len({ask.headers["Tallygate-User-Id"] for ask in made}) >= 5
    assert any("Tallygate-Session-Id" in ask.headers for ask in made)
    streamed = sum(bool(ask.body.get("stream")) for ask in made)
    assert 0.2 < streamed / len(made) < 0.8
    troubled = [ask for ask in made if "status=429" in ask.headers.get(HEADER, "")]
    assert 10 < len(troubled) < 200


def test_every_control_is_understood_by_the_simulator() -> None:
    for ask in asks(2000):
        parse(ask.headers.get(HEADER, ""), Controls())


def test_sessions_have_steps_in_order() -> None:
    steps: dict[str, list[str]] = {}
    for ask in asks(2000):
        if session := ask.headers.get("Tallygate-Session-Id"):
            steps.setdefault(session, []).append(ask.headers["Tallygate-Session-Path"])
    assert len(steps) > 20
    assert all(path == ["/plan", "/search", "/read", "/write"] for path in list(steps.values())[:-1])


async def test_traffic_reaches_a_gateway_and_is_tallied() -> None:
    async with running_simulator() as sim:
        traffic = Traffic(f"{sim.url}/v1", per_second=100.0)
        tally = await asyncio.wait_for(traffic.run(1.0), timeout=30)
        assert tally.sent == sum(tally.by_status.values()) == sim.stats.requests
    assert tally.sent > 40
    assert tally.in_flight == 0
    assert tally.by_status["200"] > tally.sent * 0.7
    assert f"{tally.sent} calls" in tally.line()


async def test_a_gateway_that_is_not_there_is_told() -> None:
    traffic = Traffic("http://127.0.0.1:9", per_second=200.0)
    tally = await traffic.run(0.1)
    assert tally.by_status == {"broken": tally.sent}
    assert "broken" in tally.line()


def test_no_provider_is_left_out_and_no_real_key_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    for name, value in provider_environment("http://127.0.0.1:9999", REGISTRY).items():
        monkeypatch.setenv(name, value)
    targets = from_settings(load(), {"OPENAI_API_KEY": "sk-real", "GROQ_API_KEY": "gsk-real"}).targets
    assert set(targets) == set(REGISTRY)
    for target in targets.values():
        assert target.base_url.startswith("http://127.0.0.1:9999")
        assert target.api_key == SIMULATOR_KEY


def test_the_demo_has_its_own_data_and_simulator() -> None:
    children, endpoints = processes(Settings(edge_workers=2), REGISTRY)
    names = [child.name for child in children]
    assert names == ["simulator", "core", "edge-0", "edge-1"]
    assert {child.stage for child in children if child.name.startswith("edge")} == {0}
    assert {child.stage for child in children if not child.name.startswith("edge")} == {1}
    assert all("TALLYGATE_DATA_DIR" in child.environment for child in children[1:])
    assert [endpoint.purpose for endpoint in endpoints] == ["gateway", "API", "simulator"]
