"""Why a query was not run, or ended early."""


class QueryError(Exception):
    """A query is refused, or failed, by its author's doing.

    `code` is stable; `position` is the offset in the query's text, in characters, where it is known.
    """

    def __init__(self, code: str, message: str, *, position: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.position = position
