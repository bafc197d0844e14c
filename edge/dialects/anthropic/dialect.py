"""The two roles of the dialect."""

from typing import Any

from tallygate.edge.dialects.anthropic.decoder import AnthropicDecoder
from tallygate.edge.dialects.anthropic.encoder import AnthropicEncoder
from tallygate.edge.dialects.anthropic.parse_request import parse_request
from tallygate.edge.dialects.anthropic.read_answer import read_answer, read_error
from tallygate.edge.dialects.anthropic.render_request import render_request
from tallygate.edge.dialects.anthropic.write_answer import write_answer, write_error
from tallygate.edge.dialects.common.answer import Answer
from tallygate.edge.dialects.common.base import Call, Decoder, Encoder, ProviderRequest, Target
from tallygate.edge.dialects.common.errors import ErrorInfo, Policy
from tallygate.edge.dialects.common.read import Json, Node
from tallygate.edge.dialects.common.request import Request


class AnthropicCaller:
    """Callers of `/v1/messages`."""

    def parse(self, body: Node, policy: Policy) -> Request:
        """See `Caller`."""
        return parse_request(body, policy)

    def answer(self, answer: Answer, call: Call) -> Json:
        """See `Caller`."""
        return write_answer(answer, call)

    def encoder(self, call: Call) -> Encoder:
        """See `Caller`."""
        return AnthropicEncoder(call)

    def error(self, error: ErrorInfo) -> Json:
        """See `Caller`."""
        return write_error(error)


class AnthropicProvider:
    """Providers of `/v1/messages`."""

    def render(self, request: Request, target: Target, policy: Policy) -> ProviderRequest:
        """See `Provider`."""
        return render_request(request, target, policy)

    def answer(self, body: Json, call: Call) -> Answer:
        """See `Provider`."""
        return read_answer(body, call)

    def decoder(self, call: Call) -> Decoder:
        """See `Provider`."""
        return AnthropicDecoder(call)

    def error(self, status: int, body: Any) -> ErrorInfo:
        """See `Provider`."""
        return read_error(status, body)
