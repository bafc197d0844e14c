"""One call in full: `GET /api/v1/requests/{id}`."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from tallygate.analytics.feedback.rows import feedback_of, scores_of
from tallygate.analytics.models import AttemptDetail, CallDetail
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.statement import Rows, Statement, select
from tallygate.schemas.times import micros_of, text_of

MAX_ID_CHARS = 256
MAX_UUID_TIME_US = 10_000_000_000_000_000
"""Year 2286: beyond, the id's time is made up, and the tables' range ends soon after."""
_ATTEMPT_FIELDS = tuple(AttemptDetail.model_fields)
_READ_APART = ("attempts", "feedback", "scores")
_DETAIL = tuple(name for name in CallDetail.model_fields if name not in _READ_APART)
_LATEST = "ORDER BY received_at DESC, request_id DESC, origin_edge DESC, origin_seq DESC LIMIT 1"


def read_call(rows: Rows, request_id: str, project: str) -> CallDetail | None:
    """The latest call of an id, with every try and all that is said of it."""
    row = find_call(rows, request_id, project, _DETAIL)
    if row is None:
        return None
    own = dict(zip(_DETAIL, row, strict=True))
    received_at = own["received_at"]
    tries = rows(_tries(own, project))
    return CallDetail(
        **own,
        attempts=[AttemptDetail(**dict(zip(_ATTEMPT_FIELDS, row, strict=True))) for row in tries],
        feedback=feedback_of(rows, project, request_id, received_at),
        scores=scores_of(rows, project, request_id, received_at),
    )


def find_call(rows: Rows, request_id: str, project: str, columns: Sequence[str]) -> tuple[Any, ...] | None:
    """Columns of the latest call of an id."""
    if len(request_id) > MAX_ID_CHARS:
        return None
    near_us = uuid7_time_us(request_id)
    found = rows(_one(columns, request_id, project, near_us))
    if not found and near_us is not None:
        found = rows(_one(columns, request_id, project, None))
    return found[0] if found else None


def uuid7_time_us(request_id: str) -> int | None:
    """The time in a UUIDv7 (RFC 9562: the first 48 bits are Unix milliseconds), None if it is none."""
    try:
        value = uuid.UUID(request_id)
    except ValueError:
        return None
    if value.version != 7:
        return None
    time_us = (value.int >> 80) * 1000
    return time_us if time_us <= MAX_UUID_TIME_US else None


def _one(columns: Sequence[str], request_id: str, project: str, near_us: int | None) -> Statement:
    """With `near_us` only a call that arrived about then, which is found much faster."""
    clauses = [Clause("request_id = {request_id:String}", {"request_id": request_id})]
    if near_us is not None:
        near = "received_at BETWEEN {near:DateTime64(6, 'UTC')} - INTERVAL 1 HOUR"
        near += " AND {near:DateTime64(6, 'UTC')} + INTERVAL 1 HOUR"
        clauses.append(Clause(near, {"near": text_of(near_us)}))
    return select(columns, "calls", clauses, project, _LATEST)


def _tries(call: Mapping[str, Any], project: str) -> Statement:
    at = text_of(micros_of(call["received_at"]))
    clauses = [
        Clause("received_at = {at:DateTime64(6, 'UTC')}", {"at": at}),
        Clause("request_id = {request_id:String}", {"request_id": call["request_id"]}),
    ]
    return select(_ATTEMPT_FIELDS, "attempts", clauses, project, "ORDER BY attempt")
