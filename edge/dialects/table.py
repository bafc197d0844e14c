"""Every pair of dialects that differ."""

from typing import Literal

from tallygate.edge.dialects.anthropic.dialect import AnthropicCaller, AnthropicProvider
from tallygate.edge.dialects.bedrock.dialect import BedrockProvider
from tallygate.edge.dialects.common.base import Caller, Provider
from tallygate.edge.dialects.exchange import Translation
from tallygate.edge.dialects.google.dialect import GoogleProvider
from tallygate.edge.dialects.openai_chat.dialect import ChatCaller, ChatProvider
from tallygate.edge.dialects.responses.dialect import ResponsesCaller

CallerDialect = Literal["openai.chat", "openai.responses", "anthropic.messages"]
ProviderDialect = Literal[
    "openai.chat", "openai.responses", "anthropic.messages", "google.generate", "bedrock.converse"
]

CALLERS: dict[CallerDialect, Caller] = {
    "openai.chat": ChatCaller(),
    "openai.responses": ResponsesCaller(),
    "anthropic.messages": AnthropicCaller(),
}

PROVIDERS: dict[ProviderDialect, Provider] = {
    "openai.chat": ChatProvider(),
    "anthropic.messages": AnthropicProvider(),
    "google.generate": GoogleProvider(),
    "bedrock.converse": BedrockProvider(),
}
"""`openai.responses` is no target: whoever speaks it speaks chat too."""

TRANSLATIONS: dict[tuple[CallerDialect, ProviderDialect], Translation] = {
    (caller, provider): Translation(CALLERS[caller], PROVIDERS[provider])
    for caller in CALLERS
    for provider in PROVIDERS
    if caller != provider
}
"""A pair that is not here needs no translation: the bytes pass as they are."""
