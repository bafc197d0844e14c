"""Results as files."""

from collections.abc import Callable, Mapping
from functools import partial

from tallygate.analytics.export.formats import Format, FormatName, Parquet, Text

FileFormat = FormatName

FILES: Mapping[FileFormat, Callable[[], Format]] = {
    "csv": partial(Text, "text/csv", "CSVWithNames", ""),
    "jsonl": partial(Text, "application/jsonl", "JSONEachRow", ""),
    "parquet": Parquet,
}
"""How to begin one."""
