"""Mistakes in what was sent, as pydantic finds them, in words for the sender."""

from pydantic import ValidationError

from tallygate.analytics.errors import RequestError
from tallygate.schemas.filters import path_of


def first_mistake(error: ValidationError) -> tuple[str, str]:
    """Path and message of the first one."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return path_of(first["loc"]), first["msg"].removeprefix("Value error, ")


def invalid_body(error: ValidationError) -> RequestError:
    """A body that is not as it should be: 400."""
    path, message = first_mistake(error)
    return RequestError(400, "invalid_request", f"{path}: {message}" if path else message, param=path or None)
