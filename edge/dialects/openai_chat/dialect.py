"""The two roles of the dialect."""

from typing import Any

from tallygate.edge.dialects.common.answer import Answer
from tallygate.edge.dialects.common.base import Call, Decoder, Encoder, ProviderRequest, Target
from tallygate.edge.dialects.common.errors import ErrorInfo, Policy
from tallygate.edge.dialects.common.read import Json, Node
from tallygate.edge.dialects.common.request import Request
from tallygate.edge.dialects.openai_chat.decoder import ChatDecoder
from tallygate.edge.dialects.openai_chat.encoder import ChatEncoder
from tallygate.edge.dialects.openai_chat.parse_request import parse_request
from tallygate.edge.dialects.openai_chat.read_answer import read_answer, read_error
from tallygate.edge.dialects.openai_chat.render_request import render_request
from tallygate.edge.dialects.openai_chat.write_answer import write_answer, write_error


class ChatCaller:
    """Callers of `/v1/chat/completions`."""

    def parse(self, body: Node, policy: Policy) -> Request:
        """See `Caller`."""
        return parse_request(body, policy)

    def answer(self, answer: Answer, call: Call) -> Json:
        """See `Caller`."""
        return write_answer(answer, call)

    def encoder(self, call: Call) -> Encoder:
        """See `Caller`."""
        return ChatEncoder(call)

    def error(self, error: ErrorInfo) -> Json:
        """See `Caller`."""
        return write_error(error)


class ChatProvider:
    """Providers of `chat/completions`."""

    def render(self, request: Request, target: Target, policy: Policy) -> ProviderRequest:
        """See `Provider`."""
        return render_request(request, target, policy)

    def answer(self, body: Json, call: Call) -> Answer:
        """See `Provider`."""
        return read_answer(body, call)

    def decoder(self, call: Call) -> Decoder:
        """See `Provider`."""
        return ChatDecoder(call)

    def error(self, status: int, body: Any) -> ErrorInfo:
        """See `Provider`."""
        return read_error(status, body)
