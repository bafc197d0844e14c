"""The provider's role of the dialect."""

from typing import Any

from tallygate.edge.dialects.bedrock.decoder import BedrockDecoder
from tallygate.edge.dialects.bedrock.read_answer import read_answer, read_error
from tallygate.edge.dialects.bedrock.render_request import render_request
from tallygate.edge.dialects.common.answer import Answer
from tallygate.edge.dialects.common.base import Call, Decoder, ProviderRequest, Target
from tallygate.edge.dialects.common.errors import ErrorInfo, Policy
from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import Request


class BedrockProvider:
    """Bedrock's Converse."""

    def render(self, request: Request, target: Target, policy: Policy) -> ProviderRequest:
        """See `Provider`."""
        return render_request(request, target, policy)

    def answer(self, body: Json, call: Call) -> Answer:
        """See `Provider`."""
        return read_answer(body, call)

    def decoder(self, call: Call) -> Decoder:
        """See `Provider`."""
        return BedrockDecoder(call)

    def error(self, status: int, body: Any) -> ErrorInfo:
        """See `Provider`."""
        return read_error(status, body)
