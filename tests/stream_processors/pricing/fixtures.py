"""What providers say was used, and what it costs by a sum made by hand from their published prices.

The sums are texts, in nano-dollars (0.15 dollars a million tokens is 150 a token): they are computed by the
tests, and shown as they stand in docs/pricing.md.
"""

from dataclasses import dataclass
from typing import Any

from tallygate.schemas.events import ResponseEvent
from tests.support import factories

NOV_2026_US = 1_794_000_000_000_000  # 2026-11-06 21:20 UTC
OCT_2025_US = 1_760_000_000_000_000  # 2025-10-09 08:53 UTC


@dataclass(frozen=True)
class Fixture:
    """A usage object and what has to come of it."""

    name: str
    provider: str
    model: str
    usage: dict[str, Any]
    tokens: tuple[int, int, int, int, int]
    """Input, output, cached input, cache write, reasoning."""
    input_sum: str = ""
    output_sum: str = ""
    """Both empty: it can't be priced."""
    fee_sum: str = "0"
    """What is neither: searches, requests."""
    flavor: str = "openai.chat"
    endpoint: str = "chat/completions"
    at_us: int = NOV_2026_US
    service_tier: str = ""

    @property
    def priced(self) -> bool:
        """Whether it can be priced."""
        return bool(self.input_sum)

    def event(self, **fields: Any) -> ResponseEvent:
        """The response event of a call that used this."""
        mine = {
            "provider": self.provider,
            "model": self.model,
            "usage": self.usage,
            "usage_flavor": self.flavor,
            "endpoint": self.endpoint,
            "received_at_us": self.at_us,
            "service_tier": self.service_tier,
        }
        return factories.response_event(**(mine | fields))


def value(text: str) -> int:
    """The value of a sum of products."""
    return sum(_product(part.split("*")) for part in text.split("+"))


def _product(factors: list[str]) -> int:
    product = 1
    for factor in factors:
        product *= int(factor)
    return product


def chat(prompt: int, completion: int, *, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0},
    }


def claude(inp: int, out: int, *, read: int = 0, write_5m: int = 0, write_1h: int = 0) -> dict[str, Any]:
    return {
        "input_tokens": inp,
        "cache_creation_input_tokens": write_5m + write_1h,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": write_5m, "ephemeral_1h_input_tokens": write_1h},
        "output_tokens": out,
        "service_tier": "standard",
    }


FIXTURES = (
    Fixture(
        name="openai, cached input",
        provider="openai",
        model="gpt-4o-mini-2024-07-18",
        usage=chat(1_214, 9, cached=1_024),
        tokens=(1_214, 9, 1_024, 0, 0),
        input_sum="190 * 150 + 1_024 * 75",
        output_sum="9 * 600",
    ),
    Fixture(
        name="openai, reasoning is output",
        provider="openai",
        model="o3-mini",
        usage=chat(100, 1_000, reasoning=960),
        tokens=(100, 1_000, 0, 0, 960),
        input_sum="100 * 1_100",
        output_sum="1_000 * 4_400",
    ),
    Fixture(
        name="openai responses",
        provider="openai",
        model="gpt-5-2025-08-07",
        usage={
            "input_tokens": 75,
            "input_tokens_details": {"cached_tokens": 32},
            "output_tokens": 1_186,
            "output_tokens_details": {"reasoning_tokens": 1_024},
            "total_tokens": 1_261,
        },
        flavor="openai.responses",
        tokens=(75, 1_186, 32, 0, 1_024),
        input_sum="43 * 1_250 + 32 * 125",
        output_sum="1_186 * 10_000",
    ),
    Fixture(
        name="openai embeddings",
        provider="openai",
        model="text-embedding-3-small",
        usage={"prompt_tokens": 8, "total_tokens": 8},
        flavor="openai.embeddings",
        endpoint="embeddings",
        tokens=(8, 0, 0, 0, 0),
        input_sum="8 * 20",
        output_sum="0",
    ),
    Fixture(
        name="anthropic",
        provider="anthropic",
        model="claude-sonnet-4-5-20250929",
        usage=claude(50, 503),
        flavor="anthropic.messages",
        tokens=(50, 503, 0, 0, 0),
        input_sum="50 * 3_000",
        output_sum="503 * 15_000",
    ),
    Fixture(
        name="anthropic, cache read and both kinds of cache write",
        provider="anthropic",
        model="claude-sonnet-4-5-20250929",
        usage=claude(21, 393, read=10_000, write_5m=2_000, write_1h=3_000),
        flavor="anthropic.messages",
        tokens=(15_021, 393, 10_000, 5_000, 0),
        input_sum="21 * 3_000 + 10_000 * 300 + 2_000 * 3_750 + 3_000 * 6_000",
        output_sum="393 * 15_000",
    ),
    Fixture(
        name="anthropic, at the long-context threshold",
        provider="anthropic",
        model="claude-sonnet-4-5",
        usage=claude(200_000, 10),
        flavor="anthropic.messages",
        tokens=(200_000, 10, 0, 0, 0),
        input_sum="200_000 * 3_000",
        output_sum="10 * 15_000",
    ),
    Fixture(
        name="anthropic, above the threshold everything costs more, and cached input counts",
        provider="anthropic",
        model="claude-sonnet-4-5",
        usage=claude(150_000, 10, read=50_001),
        flavor="anthropic.messages",
        tokens=(200_001, 10, 50_001, 0, 0),
        input_sum="150_000 * 6_000 + 50_001 * 600",
        output_sum="10 * 22_500",
    ),
    Fixture(
        name="anthropic through its OpenAI endpoint",
        provider="anthropic",
        model="claude-sonnet-4-5",
        usage=chat(10, 20),
        tokens=(10, 20, 0, 0, 0),
        input_sum="10 * 3_000",
        output_sum="20 * 15_000",
    ),
    Fixture(
        name="google, overlap of cache and audio not told",
        provider="google",
        model="gemini-2.5-flash",
        usage={
            "promptTokenCount": 1_100,
            "cachedContentTokenCount": 100,
            "candidatesTokenCount": 50,
            "thoughtsTokenCount": 400,
            "totalTokenCount": 1_550,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 800},
                {"modality": "AUDIO", "tokenCount": 300},
            ],
            "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 100}],
        },
        flavor="google.generate",
        endpoint="models/gemini-2.5-flash:generateContent",
        tokens=(1_100, 450, 100, 0, 400),
    ),
    Fixture(
        name="google, audio in, thoughts are output",
        provider="google",
        model="models/gemini-2.5-flash",
        usage={
            "promptTokenCount": 1_100,
            "candidatesTokenCount": 50,
            "thoughtsTokenCount": 400,
            "totalTokenCount": 1_550,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 800},
                {"modality": "AUDIO", "tokenCount": 300},
            ],
        },
        flavor="google.generate",
        tokens=(1_100, 450, 0, 0, 400),
        input_sum="800 * 300 + 300 * 1_000",
        output_sum="450 * 2_500",
    ),
    Fixture(
        name="google, long context, OpenAI's shape",
        provider="google",
        model="gemini-2.5-pro",
        usage=chat(200_001, 100),
        at_us=NOV_2026_US,
        tokens=(200_001, 100, 0, 0, 0),
        input_sum="200_001 * 2_500",
        output_sum="100 * 15_000",
    ),
    Fixture(
        name="groq",
        provider="groq",
        model="llama-3.3-70b-versatile",
        usage=chat(1_000, 200),
        tokens=(1_000, 200, 0, 0, 0),
        input_sum="1_000 * 590",
        output_sum="200 * 790",
    ),
    Fixture(
        name="mistral, at the price of its day",
        provider="mistral",
        model="mistral-small-latest",
        usage=chat(30, 40),
        at_us=OCT_2025_US,
        tokens=(30, 40, 0, 0, 0),
        input_sum="30 * 100",
        output_sum="40 * 300",
    ),
    Fixture(
        name="mistral, after the price had changed",
        provider="mistral",
        model="mistral-small-latest",
        usage=chat(30, 40),
        at_us=NOV_2026_US,
        tokens=(30, 40, 0, 0, 0),
        input_sum="30 * 150",
        output_sum="40 * 600",
    ),
    Fixture(
        name="deepseek, by day",
        provider="deepseek",
        model="deepseek-chat",
        usage=chat(100, 10, cached=64),
        at_us=OCT_2025_US,
        tokens=(100, 10, 64, 0, 0),
        input_sum="36 * 270 + 64 * 70",
        output_sum="10 * 1_100",
    ),
    Fixture(
        name="deepseek, off-peak",
        provider="deepseek",
        model="deepseek-chat",
        usage=chat(100, 10, cached=64),
        at_us=NOV_2026_US,
        tokens=(100, 10, 64, 0, 0),
        input_sum="36 * 135 + 64 * 35",
        output_sum="10 * 550",
    ),
    Fixture(
        name="xai leaves reasoning out of completion tokens",
        provider="xai",
        model="grok-4-0709",
        usage=chat(100, 10, reasoning=90),
        tokens=(100, 100, 0, 0, 90),
        input_sum="100 * 3_000",
        output_sum="100 * 15_000",
    ),
    Fixture(
        name="together",
        provider="together",
        model="meta-llama/Llama-3.3-70B-Instruct-Turbo",
        usage=chat(7, 3),
        tokens=(7, 3, 0, 0, 0),
        input_sum="7 * 880",
        output_sum="3 * 880",
    ),
    Fixture(
        name="fireworks",
        provider="fireworks",
        model="accounts/fireworks/models/llama-v3p1-8b-instruct",
        usage=chat(7, 3),
        tokens=(7, 3, 0, 0, 0),
        input_sum="7 * 200",
        output_sum="3 * 200",
    ),
    Fixture(
        name="openrouter, no price for cached input",
        provider="openrouter",
        model="openai/gpt-4o",
        usage=chat(7, 3, cached=4),
        at_us=OCT_2025_US,
        tokens=(7, 3, 4, 0, 0),
        input_sum="7 * 2_500",
        output_sum="3 * 10_000",
    ),
    Fixture(
        name="cerebras",
        provider="cerebras",
        model="llama3.1-8b",
        usage=chat(7, 3),
        tokens=(7, 3, 0, 0, 0),
        input_sum="7 * 100",
        output_sum="3 * 100",
    ),
    Fixture(
        name="openai, batch",
        provider="openai",
        model="gpt-5",
        usage=chat(11, 13),
        tokens=(11, 13, 0, 0, 0),
        input_sum="11 * 625",
        output_sum="13 * 5_000",
        service_tier="batch",
    ),
    Fixture(
        name="openai, flex",
        provider="openai",
        model="gpt-5",
        usage=chat(11, 13),
        tokens=(11, 13, 0, 0, 0),
        input_sum="11 * 625",
        output_sum="13 * 5_000",
        service_tier="flex",
    ),
    Fixture(
        name="openai, priority",
        provider="openai",
        model="gpt-5",
        usage=chat(11, 13),
        tokens=(11, 13, 0, 0, 0),
        input_sum="11 * 2_500",
        output_sum="13 * 20_000",
        service_tier="priority",
    ),
    Fixture(
        name="perplexity, a fee for each request",
        provider="perplexity",
        model="sonar-pro",
        usage={"prompt_tokens": 26, "completion_tokens": 832},
        tokens=(26, 832, 0, 0, 0),
        input_sum="26 * 3_000",
        output_sum="832 * 15_000",
        fee_sum="14_000_000",
    ),
    Fixture(
        name="anthropic, with searches",
        provider="anthropic",
        model="claude-sonnet-4-5",
        usage=claude(100, 10) | {"server_tool_use": {"web_search_requests": 2}},
        flavor="anthropic.messages",
        tokens=(100, 10, 0, 0, 0),
        input_sum="100 * 3_000",
        output_sum="10 * 15_000",
        fee_sum="2 * 10_000_000",
    ),
)
