"""The base of every event and record."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record.

    Unknown fields are ignored, so that a reader of one release takes what a writer of the next one adds.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_bytes="base64")
