"""`POST /api/v1/requests/{id}/replay`: sends a stored request through the gateway again, as a new call."""

import time
from functools import partial
from typing import Annotated
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from yarl import URL

from tallygate.analytics.errors import RequestError
from tallygate.analytics.keys import CALLS, EXECUTOR, INFO, project_of
from tallygate.analytics.models import ApiModel, CallDetail
from tallygate.control.records import DEFAULT_PROJECT
from tallygate.control.secrets import KEY_PREFIX

TIMEOUT_S = 120.0


def _one_line(key: SecretStr) -> SecretStr:
    text = key.get_secret_value()
    if not (text.isascii() and (text.isprintable() or not text)):
        raise ValueError("a key has printable characters of ASCII only")
    return key


class Replay(ApiModel):
    """How to send it."""

    key: Annotated[SecretStr, Field(max_length=4096), AfterValidator(_one_line)] = SecretStr("")
    """Gateway or provider key; none in open mode with a stored credential. It is passed on, never kept."""


class Replayed(ApiModel):
    """What came of it."""

    request_id: str
    status: int
    latency_ms: float


async def post_replay(request: web.Request) -> web.Response:
    """Send one call again; its answer is recorded as any other call's."""
    if request.content_type != "application/json":
        # A form of another site can be sent without asking; JSON can't.
        raise RequestError(415, "invalid_request", "send JSON, with Content-Type: application/json")
    try:
        asked = Replay.model_validate_json(await request.read())
    except ValidationError as error:
        raise RequestError(
            400, "invalid_request", "key: is a text of printable characters", param="key"
        ) from error
    project, key = project_of(request), asked.key.get_secret_value()
    if project != DEFAULT_PROJECT and not key.startswith(KEY_PREFIX):
        # An open gateway takes a call without one for the default project's.
        raise RequestError(400, "invalid_request", f"key: give a gateway key of {project!r}", param="key")
    work = partial(request.app[CALLS].one, request.match_info["id"], project)
    call = await request.app[EXECUTOR].run(work)
    if call is None:
        raise RequestError(404, "not_found", "there is no call with this id")
    _check(call)
    done = await _send(request.app[INFO].gateway_url, call, key)
    return web.Response(body=done.model_dump_json().encode(), content_type="application/json")


def _check(call: CallDetail) -> None:
    if call.method != "POST" or not call.path.startswith("/"):
        raise RequestError(409, "not_replayable", "only calls by POST can be sent again")
    if not call.prompt or call.prompt_truncated:
        raise RequestError(409, "not_replayable", "the request's body is not stored in full")


def _headers(call: CallDetail, key: str) -> dict[str, str]:
    headers = {f"Tallygate-Property-{name}": value for name, value in call.properties.items()}
    headers |= {"Content-Type": "application/json", "Tallygate-Property-Replay-Of": call.request_id}
    if call.user_id:
        headers["Tallygate-User-Id"] = call.user_id
    if call.endpoint.startswith("messages"):
        headers["anthropic-version"] = "2023-06-01"
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return headers


async def _send(gateway: str, call: CallDetail, key: str) -> Replayed:
    # The path is what some caller once sent: it must not lead to another host than the gateway's.
    base = urlsplit(gateway)
    url = URL.build(
        scheme=base.scheme, host=base.hostname or "", port=base.port, path=call.path, encoded=True
    )
    begin = time.monotonic()
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(
                url, data=call.prompt.encode(), headers=_headers(call, key), allow_redirects=False
            ) as answer,
        ):
            async for _chunk in answer.content.iter_any():
                pass  # only its record is of interest
            latency_ms = (time.monotonic() - begin) * 1000
            return Replayed(
                request_id=answer.headers.get("Tallygate-Id", ""),
                status=answer.status,
                latency_ms=round(latency_ms, 3),
            )
    except (aiohttp.ClientError, ValueError, TimeoutError) as error:
        message = f"the gateway at {gateway} gave no answer: {error}"
        raise RequestError(502, "gateway_unreachable", message) from error
