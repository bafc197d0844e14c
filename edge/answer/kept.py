"""An answer that is kept while it passes, for the cache."""


class Kept:
    """The answer as the caller gets it, but without content coding and with the usage that the gateway asked
    for and hides; up to a limit."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._parts: list[bytes] = []
        self._size = 0
        self._whole = False
        self.status = 0
        self.content_type = ""
        self.headers: list[tuple[str, str]] = []
        """The answer's headers without the gateway's own, names in lower case."""

    @property
    def complete(self) -> bool:
        """A whole 200 answer without an error in it, all of which is kept."""
        return self._whole and self.status == 200 and self._size <= self._limit

    @property
    def body(self) -> bytes:
        """What was kept."""
        return b"".join(self._parts)

    def begin(self, status: int, headers: list[tuple[str, str]]) -> None:
        """An answer begins; what an earlier attempt left is forgotten."""
        self._parts, self._size, self._whole = [], 0, False
        self.status = status
        self.headers = headers
        self.content_type = next((value for name, value in headers if name == "content-type"), "")

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self._size += len(data)
        if self._size <= self._limit:
            self._parts.append(data)
        else:
            self._parts.clear()

    def end(self) -> None:
        """The answer has ended as it should."""
        self._whole = True
