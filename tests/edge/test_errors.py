"""Errors in the caller's dialect."""

import orjson

from tallygate.edge.errors import GatewayError, invalid_header


def test_openai() -> None:
    body = orjson.loads(invalid_header("Tallygate-Timeout", "not a number.").body("openai"))
    assert body == {
        "error": {
            "message": "Header Tallygate-Timeout: not a number.",
            "type": "tallygate_error",
            "param": "Tallygate-Timeout",
            "code": "invalid_header",
        }
    }


def test_anthropic() -> None:
    body = orjson.loads(GatewayError(504, "timeout", "Too late.").body("anthropic"))
    assert body == {
        "type": "error",
        "error": {"type": "timeout_error", "code": "timeout", "message": "Too late."},
    }
