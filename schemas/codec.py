"""Records to bytes and back: a message is one record a line, as JSON."""

from collections.abc import Iterable
from typing import TypeVar

from pydantic import ValidationError

from tallygate.schemas.model import Record

R = TypeVar("R", bound=Record)


class BadRecordError(ValueError):
    """The bytes are not a record of the wanted type: to be dead-lettered, never to be retried."""


def encode(record: Record) -> bytes:
    """Encode one record as one line of JSON, without the newline."""
    return record.model_dump_json().encode()


def encode_sparse(record: Record) -> bytes:
    """Encode one record without the fields that have their defaults; it decodes to the same. For records
    that are mostly zeros."""
    fields = record.model_dump_json(exclude_defaults=True).encode()
    kind, version = (type(record).model_fields[name].default for name in ("record", "schema_version"))
    return b'{"record":"%b","schema_version":%d,' % (kind.encode(), version) + fields[1:]


def encode_lines(records: Iterable[Record]) -> bytes:
    """Encode records as a message's value."""
    return b"\n".join(encode(record) for record in records)


def split_lines(value: bytes) -> list[bytes]:
    """Split a message's value into encoded records. JSON has no raw newline inside a string."""
    return [line for line in value.split(b"\n") if line]


def decode(model: type[R], line: bytes) -> R:
    """Decode one record.

    Raises:
        BadRecordError: not JSON, or not a `model`.
    """
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "record"
        raise BadRecordError(f"{model.__name__}: {where}: {first['msg']}") from error
