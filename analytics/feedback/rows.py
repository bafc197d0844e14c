"""Ratings and scores as rows of ClickHouse, and back. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tallygate.analytics.feedback.models import RATINGS, NewFeedback, NewScores
from tallygate.analytics.models import FeedbackGiven, Rating, ScoreGiven
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.statement import Rows, Statement, select
from tallygate.schemas.times import micros_of, text_of

LOW = "LowCardinality(String)"
TIME = "DateTime64(6, 'UTC')"
OF_THE_CALL = {
    "project": LOW,
    "received_at": TIME,
    "request_id": "String",
    "model": LOW,
    "provider": LOW,
    "user_id": "String",
    "prompt_id": LOW,
    "prompt_version": LOW,
}
"""What a word repeats of its call, so that it can be counted without a join."""
_COMMENTED = {"comment": "String", "given_at": TIME}
_RATING_NAMES: Mapping[int, Rating] = {number: name for name, number in RATINGS.items()}


class Table(NamedTuple):
    """A table, and the types of its columns."""

    name: str
    columns: dict[str, str]


FEEDBACK = Table("feedback_log", {**OF_THE_CALL, **_COMMENTED, "given_by": "String", "rating": "Int8"})
SCORES = Table("score_log", {**OF_THE_CALL, **_COMMENTED, "name": LOW, "value": "Float64"})

Row = dict[str, Any]


def feedback_rows(call: Row, new: NewFeedback, now: datetime) -> list[Row]:
    """A rating of a call, which has the columns OF_THE_CALL."""
    own = {"comment": new.comment, "given_by": new.given_by, "rating": RATINGS[new.rating], "given_at": now}
    return [call | own]


def score_rows(call: Row, new: NewScores, now: datetime) -> list[Row]:
    """Scores of a call."""
    return [
        call | {"comment": new.comment, "given_at": now, "name": name, "value": float(value)}
        for name, value in new.scores.items()
    ]


def feedback_of(rows: Rows, project: str, request_id: str, received_at: datetime) -> list[FeedbackGiven]:
    """The ratings of a call that count, the latest first."""
    columns = ("rating", "comment", "given_by", "given_at")
    found = rows(_said(columns, "feedback", project, request_id, received_at))
    return [
        FeedbackGiven(rating=_RATING_NAMES[rating], comment=comment, given_by=given_by, given_at=at)
        for rating, comment, given_by, at in found
        if rating
    ]


def scores_of(rows: Rows, project: str, request_id: str, received_at: datetime) -> list[ScoreGiven]:
    """The scores of a call, the latest first."""
    columns = tuple(ScoreGiven.model_fields)
    found = rows(_said(columns, "scores", project, request_id, received_at))
    return [ScoreGiven(**dict(zip(columns, row, strict=True))) for row in found]


def _said(
    columns: Sequence[str], view: str, project: str, request_id: str, received_at: datetime
) -> Statement:
    clauses = [
        Clause(f"received_at = {{at:{TIME}}}", {"at": text_of(micros_of(received_at))}),
        Clause("request_id = {request_id:String}", {"request_id": request_id}),
    ]
    return select(columns, view, clauses, project, f"ORDER BY given_at DESC, {columns[0]}")
