"""The formats of files. Each takes pages as ClickHouse writes them, and gives what is to be sent."""

import io
from collections.abc import Sequence
from typing import Any, Literal, Protocol

FormatName = Literal["csv", "jsonl", "parquet"]


class Format(Protocol):
    """A file being written; for one thread at a time."""

    content_type: str
    clickhouse: str
    """How ClickHouse has to write pages."""

    def page(self, raw: bytes) -> bytes:
        """What a page adds to the file."""

    def end(self) -> bytes:
        """What comes last."""


class Text:
    """Lines, after a head."""

    def __init__(self, content_type: str, clickhouse: str, head: str) -> None:
        self.content_type = content_type
        self.clickhouse = clickhouse
        self._head = head.encode()

    def page(self, raw: bytes) -> bytes:
        """See `Format`."""
        head, self._head = self._head, b""
        return head + raw

    def end(self) -> bytes:
        """See `Format`; the head, if there was no page."""
        return self._head


class Parquet:
    """Parquet of one row group a page."""

    content_type = "application/vnd.apache.parquet"
    clickhouse = "ArrowStream"

    def __init__(self) -> None:
        self._sink = _Pipe()
        self._writer: Any = None

    def page(self, raw: bytes) -> bytes:
        """See `Format`."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.ipc.open_stream(raw).read_all()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._sink, table.schema, compression="zstd")
        if table.num_rows:
            self._writer.write_table(table)
        return self._sink.taken()

    def end(self) -> bytes:
        """See `Format`. There has to have been a page, be it without rows: it tells the columns."""
        if self._writer is not None:
            self._writer.close()
        return self._sink.taken()


class _Pipe(io.RawIOBase):
    """Holds what was written until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def format_of(name: FormatName, columns: Sequence[str]) -> Format:
    """A new file; the columns' names are plain words."""
    if name == "csv":
        return Text("text/csv", "CSV", ",".join(columns) + "\n")
    return Text("application/jsonl", "JSONEachRow", "") if name == "jsonl" else Parquet()
