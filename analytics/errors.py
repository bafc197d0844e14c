"""Errors of the query API, as its callers see them."""

from tallygate.analytics.models import ApiError, ErrorAnswer


class RequestError(Exception):
    """A request that is answered with an error.

    `code` is stable; `param` names the query parameter or field that is wrong.
    """

    def __init__(
        self, status: int, code: str, message: str, *, param: str | None = None, position: int | None = None
    ) -> None:
        message, param = _printable(message), _printable(param) if param is not None else None
        super().__init__(message)
        self.status = status
        self.body = ErrorAnswer(error=ApiError(message=message, code=code, param=param, position=position))


def _printable(text: str) -> str:
    """The text with marks where it has bytes that are no UTF-8, as headers may: JSON can't say them."""
    return text.encode("utf-8", "replace").decode()


def bad_parameter(param: str, message: str) -> RequestError:
    """A query parameter that is not understood: 400."""
    return RequestError(400, "invalid_parameter", f"{param}: {message}", param=param)
