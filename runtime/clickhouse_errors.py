"""Errors of ClickHouse, named for the reaction. Pure: knows codes, not the driver."""

_TRANSIENT = {
    3: "UNEXPECTED_END_OF_FILE",
    32: "ATTEMPT_TO_READ_AFTER_EOF",
    74: "CANNOT_READ_FROM_FILE_DESCRIPTOR",
    75: "CANNOT_WRITE_TO_FILE_DESCRIPTOR",  # a full disk
    159: "TIMEOUT_EXCEEDED",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    203: "NO_FREE_CONNECTION",
    209: "SOCKET_TIMEOUT",
    210: "NETWORK_ERROR",
    225: "NO_ZOOKEEPER",
    236: "ABORTED",
    241: "MEMORY_LIMIT_EXCEEDED",
    242: "TABLE_IS_READ_ONLY",
    243: "NOT_ENOUGH_SPACE",
    252: "TOO_MANY_PARTS",
    285: "TOO_FEW_LIVE_REPLICAS",
    319: "UNKNOWN_STATUS_OF_INSERT",
    394: "QUERY_WAS_CANCELLED",
    425: "SYSTEM_ERROR",
    999: "KEEPER_EXCEPTION",
}
"""Codes of ClickHouse's `ErrorCodes.cpp` that say nothing against the statement itself."""


class ClickHouseError(Exception):
    """Base of all errors here.

    `code` and `name` are ClickHouse's own (62, `SYNTAX_ERROR`), or None if it said none.
    """

    def __init__(self, message: str, *, code: int | None = None, name: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.name = name


class UnavailableError(ClickHouseError):
    """It can't be reached, has no room just now, or did not say how a statement ended: try again later."""


class StatementError(ClickHouseError):
    """It refused the statement, and will refuse it again."""


class ResultTooLargeError(StatementError):
    """A result is larger than its caller takes."""


def error_for(message: str, code: int | None, name: str | None, *, transport: bool) -> ClickHouseError:
    """Choose the error of a reaction.

    Args:
        transport: there was no answer, or one of no use; ignored if there is a code.
    """
    unavailable = transport if code is None else code in _TRANSIENT
    return (UnavailableError if unavailable else StatementError)(message, code=code, name=name)
