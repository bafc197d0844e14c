"""The list of models that a key can reach."""

from pathlib import Path

import openai
import pytest

from tallygate.control.rules import model_matcher
from tallygate.control.secrets import digest
from tallygate.control.snapshot import Grant, KeyInfo, Snapshot
from tallygate.edge.models import Offer
from tests.support.edge import edge_before

OFFERS = (
    Offer("openai", "gpt-4o", 128_000, {"input_mtok": "2.5"}),
    Offer("openai", "gpt-4o-mini"),
    Offer("anthropic", "claude-sonnet-4-5", 200_000),
    Offer("together", "openai/gpt-oss-20b"),
    Offer("groq", "llama-x"),
)
KEYS = {"OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-2", "TOGETHER_API_KEY": "sk-3"}
SECRET = "tg-" + "a" * 32
NOBODY = "http://127.0.0.1:1"


def snapshot(*models: str) -> Snapshot:
    key = KeyInfo("k1", "default", "k", "", models, (), None, model_matcher(models))
    return Snapshot(
        grants={digest(SECRET): Grant(key, None)},
        aliases={(None, "best"): ("claude-sonnet-4-5",), ("other", "theirs"): ("gpt-4o",)},
    )


async def names(tmp_path: Path, *models: str) -> list[str]:
    current = snapshot(*models)
    async with (
        edge_before(tmp_path, NOBODY, KEYS, snapshots=lambda: current, offers=lambda: OFFERS) as edge,
        openai.AsyncOpenAI(base_url=edge.url + "/v1", api_key=SECRET, max_retries=0) as client,
    ):
        return [model.id async for model in client.models.list()]


async def test_what_there_are_keys_for_is_listed_under_names_that_can_be_called(tmp_path: Path) -> None:
    assert await names(tmp_path) == [
        "gpt-4o",
        "gpt-4o-mini",
        "claude-sonnet-4-5",
        "together/openai/gpt-oss-20b",
        "best",
    ]


async def test_a_key_for_some_models_sees_those(tmp_path: Path) -> None:
    assert await names(tmp_path, "gpt-4o*", "groq/*") == ["gpt-4o", "gpt-4o-mini"]
    assert await names(tmp_path / "2", "claude-*") == ["claude-sonnet-4-5", "best"]


@pytest.mark.parametrize("name", ["gpt-4o", "openai/gpt-4o"])
async def test_one_model_with_its_window_and_prices(name: str, tmp_path: Path) -> None:
    async with (
        edge_before(tmp_path, NOBODY, KEYS, offers=lambda: OFFERS) as edge,
        openai.AsyncOpenAI(base_url=edge.url + "/v1", api_key="none", max_retries=0) as client,
    ):
        model = (await client.models.retrieve(name)).model_dump(exclude_none=True)
        assert model | {"created": 0} == {
            "id": "gpt-4o",
            "object": "model",
            "created": 0,
            "owned_by": "openai",
            "provider": "openai",
            "context_window": 128_000,
            "pricing": {"input_mtok": "2.5"},
        }
        with pytest.raises(openai.NotFoundError) as caught:
            await client.models.retrieve("groq/llama-x")
        assert caught.value.code == "model_not_found"
        # Asking costs nothing and is no call; being refused is on record.
        assert [each.error_code for each in edge.responses()] == ["model_not_found"]
