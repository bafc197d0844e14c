"""The gateway's own errors, in the shape that the caller's SDK expects."""

from typing import Literal

import orjson

Dialect = Literal["openai", "anthropic"]

ErrorCode = Literal[
    "invalid_header",
    "invalid_request",
    "invalid_api_key",
    "model_not_allowed",
    "model_not_found",
    "not_found",
    "body_too_large",
    "headers_too_large",
    "provider_unreachable",
    "no_healthy_provider",
    "outbox_full",
    "rate_limited",
    "budget_exceeded",
    "budget_unavailable",
    "timeout",
    "shutdown",
    "internal",
]

_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    402: "billing_error",
    413: "request_too_large",
    429: "rate_limit_error",
    502: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
}


class GatewayError(Exception):
    """The call is refused or has failed, and the caller is told so."""

    def __init__(self, status: int, code: ErrorCode, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code: ErrorCode = code
        self.message = message
        self.param = param

    def body(self, dialect: Dialect) -> bytes:
        """The answer's JSON body."""
        if dialect == "anthropic":
            kind = _ANTHROPIC_TYPES.get(self.status, "api_error")
            return orjson.dumps(
                {"type": "error", "error": {"type": kind, "code": self.code, "message": self.message}}
            )
        error = {
            "message": self.message,
            "type": "tallygate_error",
            "param": self.param,
            "code": self.code,
        }
        return orjson.dumps({"error": error})


def invalid_header(name: str, problem: str) -> GatewayError:
    """400: a header of the gateway's has a value that can't be used."""
    return GatewayError(400, "invalid_header", f"Header {name}: {problem}", param=name)


def invalid_request(message: str, *, param: str | None = None) -> GatewayError:
    """400: the request can't be understood."""
    return GatewayError(400, "invalid_request", message, param=param)


def body_too_large(limit_bytes: int) -> GatewayError:
    """413: the body is over the configured limit."""
    return GatewayError(
        413, "body_too_large", f"The body is larger than {limit_bytes} bytes (setting max_body_bytes)."
    )
