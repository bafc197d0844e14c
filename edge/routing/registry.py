"""The providers that the gateway knows, as data."""

from dataclasses import dataclass
from typing import Literal

from tallygate.edge.dialects.table import ProviderDialect

KeyHeader = Literal["bearer", "x-api-key", "x-goog-api-key", "api-key"]


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider's addresses and habits."""

    id: str
    base_url: str
    """As the provider's own SDK takes it; empty if everybody has another one."""
    compat_path: str = ""
    """From the base URL to the root of the OpenAI-compatible API, below which `/chat/completions` lies."""
    key_variables: tuple[str, ...] = ()
    """Environment variables that hold its key, in order of preference."""
    native_key: KeyHeader = "bearer"
    """How its own API takes the key."""
    compat_key: KeyHeader = "bearer"
    """How the OpenAI-compatible one does."""
    dialect: ProviderDialect = "openai.chat"
    """Of its own API; callers of another one are translated."""
    responses: bool = False
    """Whether it has OpenAI's Responses too; else they are translated."""
    stream_usage: bool = False
    """Whether `stream_options.include_usage` is needed for, and taken by, its chat completions. The others
    send usage in every stream, and some refuse the field."""
    catalogue_id: str = ""
    """Its name in the genai-prices catalogue, if that is another one."""
    models: str = ""
    """Regular expression for the start of the names of the models that are its own."""
    prefixed_models: str = ""
    """Regular expression for models whose own name begins with the provider's id."""


OPENAI = Provider(
    "openai",
    "https://api.openai.com/v1",
    key_variables=("OPENAI_API_KEY",),
    responses=True,
    stream_usage=True,
    models=(
        r"gpt-|chatgpt-|o\d(?:-|$)|ft:|codex-|computer-use-|text-embedding-(?:3-|ada-)|whisper-|tts-|dall-e-"
        r"|sora-|omni-moderation|text-moderation|text-davinci|davinci-|babbage-"
    ),
)
ANTHROPIC = Provider(
    "anthropic",
    "https://api.anthropic.com",
    compat_path="/v1",
    key_variables=("ANTHROPIC_API_KEY",),
    native_key="x-api-key",
    dialect="anthropic.messages",
    stream_usage=True,
    models="claude-",
)
GOOGLE = Provider(
    "google",
    "https://generativelanguage.googleapis.com",
    compat_path="/v1beta/openai",
    key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    native_key="x-goog-api-key",
    dialect="google.generate",
    stream_usage=True,
    models=r"(?:models/)?(?:gemini-|gemma-|imagen-|veo-|learnlm-|text-embedding-00|embedding-00)",
)
GROQ = Provider(
    "groq",
    "https://api.groq.com",
    compat_path="/openai/v1",
    key_variables=("GROQ_API_KEY",),
    stream_usage=True,
    prefixed_models=r"groq/compound(?:-\w+)?",
    models=r"llama-3\.1-8b-instant|llama-3\.3-70b-versatile",
)
MISTRAL = Provider(
    "mistral",
    "https://api.mistral.ai",
    compat_path="/v1",
    key_variables=("MISTRAL_API_KEY",),
    models=r"(?:open-)?mi[sx]tral-|ministral-|magistral-|codestral|devstral-|pixtral-|voxtral-|open-codestral",
)
DEEPSEEK = Provider(
    "deepseek",
    "https://api.deepseek.com",
    compat_path="/v1",
    key_variables=("DEEPSEEK_API_KEY",),
    stream_usage=True,
    models=r"deepseek-(?:chat|reasoner|coder|flash|pro)",
)
XAI = Provider(
    "xai",
    "https://api.x.ai/v1",
    key_variables=("XAI_API_KEY",),
    responses=True,
    stream_usage=True,
    catalogue_id="x-ai",
    models="grok-",
)
TOGETHER = Provider("together", "https://api.together.xyz/v1", key_variables=("TOGETHER_API_KEY",))
FIREWORKS = Provider(
    "fireworks",
    "https://api.fireworks.ai/inference/v1",
    key_variables=("FIREWORKS_API_KEY",),
    models="accounts/",
)
OPENROUTER = Provider(
    "openrouter",
    "https://openrouter.ai/api/v1",
    key_variables=("OPENROUTER_API_KEY",),
    prefixed_models=r"openrouter/[\w.:-]+",
)
PERPLEXITY = Provider(
    "perplexity",
    "https://api.perplexity.ai",
    key_variables=("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
    models="sonar|r1-1776",
)
CEREBRAS = Provider(
    "cerebras",
    "https://api.cerebras.ai",
    compat_path="/v1",
    key_variables=("CEREBRAS_API_KEY",),
)

AZURE = Provider(
    "azure",
    "",
    key_variables=("AZURE_OPENAI_API_KEY",),
    native_key="api-key",
    compat_key="api-key",
    responses=True,
    stream_usage=True,
)
"""Its base URL is the resource's (`https://name.openai.azure.com`), or that with `/openai/v1`."""
BEDROCK = Provider(
    "bedrock",
    "",
    key_variables=("AWS_BEARER_TOKEN_BEDROCK",),
    dialect="bedrock.converse",
    catalogue_id="aws",
    models=r"(?:(?:us|eu|apac|global|us-gov)\.)?(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek)\.[\w-]+",
)
"""Its base URL follows from the region."""
COHERE = Provider(
    "cohere",
    "https://api.cohere.ai",
    compat_path="/compatibility/v1",
    key_variables=("COHERE_API_KEY", "CO_API_KEY"),
    stream_usage=True,
    models=r"command-|c4ai-|embed-(?:english|multilingual|v)|rerank-",
)

# In the order in which they are asked for a model that several of them serve: those that make models first.
REGISTRY = {
    provider.id: provider
    for provider in (
        OPENAI,
        ANTHROPIC,
        GOOGLE,
        MISTRAL,
        DEEPSEEK,
        XAI,
        PERPLEXITY,
        GROQ,
        CEREBRAS,
        TOGETHER,
        FIREWORKS,
        OPENROUTER,
        COHERE,
        BEDROCK,
        AZURE,
    )
}
