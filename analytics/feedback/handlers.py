"""`POST /api/v1/requests/{id}/feedback` and `/scores`."""

from datetime import UTC, datetime

from aiohttp import web

from tallygate.analytics.api.operation import json_answer, json_body, reading
from tallygate.analytics.errors import RequestError
from tallygate.analytics.feedback.models import Given, NewFeedback, NewScores
from tallygate.analytics.feedback.rows import (
    OF_THE_CALL,
    Row,
    feedback_of,
    feedback_rows,
    score_rows,
    scores_of,
)
from tallygate.analytics.keys import FEEDBACK_WRITER, SCORE_WRITER, project_of
from tallygate.analytics.requests.one import find_call
from tallygate.analytics.requests.statement import Rows


async def post_feedback(request: web.Request) -> web.Response:
    """Rate a call."""
    new = await json_body(request, NewFeedback)
    call = await _call(request)
    await request.app[FEEDBACK_WRITER].write(feedback_rows(call, new, datetime.now(UTC)))
    return await _given(request, call)


async def post_scores(request: web.Request) -> web.Response:
    """Score a call."""
    new = await json_body(request, NewScores)
    call = await _call(request)
    await request.app[SCORE_WRITER].write(score_rows(call, new, datetime.now(UTC)))
    return await _given(request, call)


async def _call(request: web.Request) -> Row:
    """What a word repeats of the call that the path names."""
    project, names = project_of(request), tuple(OF_THE_CALL)
    row = await reading(request, lambda rows: find_call(rows, request.match_info["id"], project, names))
    if row is None:
        message = "there is no call with this id; a call is there about a second after its answer"
        raise RequestError(404, "not_found", message)
    return dict(zip(names, row, strict=True))


async def _given(request: web.Request, call: Row) -> web.Response:
    where = (call["project"], call["request_id"], call["received_at"])

    def read(rows: Rows) -> Given:
        said = {"feedback": feedback_of(rows, *where), "scores": scores_of(rows, *where)}
        return Given.model_validate({"request_id": call["request_id"]} | said)

    return json_answer(await reading(request, read))
