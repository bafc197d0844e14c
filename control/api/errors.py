"""Errors of the admin API: one shape, a stable code, and never the value that was wrong."""

import logging
import math

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from tallygate.control.errors import (
    ConflictError,
    ControlError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    StoreUnavailableError,
)
from tallygate.schemas.filters import path_of

log = logging.getLogger(__name__)
HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
JSON = "application/json"


class RefusedError(Exception):
    """A request that the API itself refuses."""

    def __init__(
        self, status: int, code: str, message: str, param: str = "", *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s


def error_response(status: int, code: str, message: str, param: str = "") -> web.Response:
    """An error's response. It may quote what a header held, which need not be text."""
    readable, where = (text.encode("utf-8", "replace").decode() for text in (message, param))
    error = {"message": readable, "type": "tallygate_error", "code": code, "param": where or None}
    return web.Response(body=orjson.dumps({"error": error}), status=status, content_type=JSON)


def invalid(error: ValidationError) -> RefusedError:
    """Every mistake in one message; `param` is the first."""
    found = [
        (path_of(item["loc"]), item["msg"])
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    message = "; ".join(f"{where}: {what}" if where else what for where, what in found)
    return RefusedError(400, "invalid_request", message, found[0][0])


@web.middleware
async def errors_told(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every exception in the API's shape."""
    try:
        return await handler(request)
    except (RefusedError, ControlError) as error:
        return told(error)
    except web.HTTPException as error:
        response = error_response(error.status, HTTP_CODES.get(error.status, "invalid_request"), error.reason)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception:
        log.exception("admin request failed: %s %s", request.method, request.path)
        return error_response(500, "internal_error", "an unexpected error; the process's log has it")


def told(error: RefusedError | ControlError) -> web.Response:
    """The response that tells an error."""
    if not isinstance(error, RefusedError):
        return _of_store(error)
    response = error_response(error.status, error.code, str(error), error.param)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="tallygate"'
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    return response


def _of_store(error: ControlError) -> web.Response:
    match error:
        case InvalidError():
            return error_response(400, "invalid_request", str(error), error.param)
        case ForbiddenError():
            return error_response(403, "role_too_low", str(error))
        case NotFoundError():
            return error_response(404, "not_found", str(error))
        case ConflictError():
            return error_response(409, "conflict", str(error))
        case StoreUnavailableError():
            response = error_response(503, "store_unavailable", "the control store can't be reached just now")
            response.headers["Retry-After"] = "1"
        case _:
            response = error_response(500, "store_unusable", "the control store can't be used")
    log.warning("%s", error)
    return response
