"""The caller's role of the dialect."""

from tallygate.edge.dialects.common.answer import Answer
from tallygate.edge.dialects.common.base import Call, Encoder
from tallygate.edge.dialects.common.errors import ErrorInfo, Policy
from tallygate.edge.dialects.common.read import Json, Node
from tallygate.edge.dialects.common.request import Request
from tallygate.edge.dialects.openai_chat.write_answer import write_error
from tallygate.edge.dialects.responses.encoder import ResponsesEncoder
from tallygate.edge.dialects.responses.parse_request import parse_request
from tallygate.edge.dialects.responses.write_answer import write_answer


class ResponsesCaller:
    """Callers of `/v1/responses`."""

    def parse(self, body: Node, policy: Policy) -> Request:
        """See `Caller`."""
        return parse_request(body, policy)

    def answer(self, answer: Answer, call: Call) -> Json:
        """See `Caller`."""
        return write_answer(answer, call)

    def encoder(self, call: Call) -> Encoder:
        """See `Caller`."""
        return ResponsesEncoder(call)

    def error(self, error: ErrorInfo) -> Json:
        """See `Caller`."""
        return write_error(error)
