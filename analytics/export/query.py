"""What is exported."""

from typing import Annotated, Literal

from pydantic import Field

from tallygate.analytics.export.formats import FormatName
from tallygate.analytics.models import ApiModel
from tallygate.analytics.requests.query import Meant

ExportId = Annotated[
    str, Field(pattern="^[A-Za-z0-9_-]{1,64}$", description="Yours, to ask for the progress by.")
]


class FileQuery(ApiModel):
    """What the file is like."""

    format: FormatName = "csv"
    order: Literal["asc", "desc"] = "desc"
    """By the time of arrival."""
    bodies: bool = False
    """Whether prompts and responses are in it."""
    export_id: ExportId | None = None


class ExportQuery(Meant, FileQuery):
    """Which calls, and what the file is like."""


class ExportProgress(ApiModel):
    """How far an export is. Told by the process that sends it, of its latest hundred."""

    export_id: str
    state: Literal["running", "done", "failed"]
    rows: int
    """Sent so far."""
    rows_total: int
    """Of the calls that were there when it began."""
    bytes: int
