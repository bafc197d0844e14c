"""Carrying a call out: tries along its stops, until one has an answer for the caller or none is left."""

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from tallygate.edge import headers, wire
from tallygate.edge.answer.kept import Kept
from tallygate.edge.answer.writer import AnswerWriter
from tallygate.edge.call import AttemptState, Call, elapsed_us
from tallygate.edge.errors import GatewayError
from tallygate.edge.exchange import Exchange, OneTry
from tallygate.edge.resilience.balance import BreakerBoard, Choice
from tallygate.edge.resilience.retry_after import retry_after_ms
from tallygate.edge.resilience.steps import Try, Wait
from tallygate.edge.routing.itinerary import Itinerary
from tallygate.edge.routing.operations import Operation
from tallygate.edge.steps import Arrival
from tallygate.edge.trip import Trip, now_ms
from tallygate.edge.upstream.base import (
    UpstreamError,
    UpstreamResponse,
    UpstreamTimeoutError,
)

DRAIN_BYTES = 64 * 1024
"""Of an answer that nobody gets, this much is read, so that its connection can be used again."""
DRAIN_S = 0.25


@dataclass(frozen=True, slots=True)
class Journey:
    """A call on its way."""

    arrival: Arrival
    operation: Operation
    trip: Trip
    writer: AnswerWriter
    kept: Kept | None


class Attempts:
    """Makes attempts. The breakers are those of this process."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.board = BreakerBoard()

    async def run(
        self,
        arrival: Arrival,
        operation: Operation,
        itinerary: Itinerary,
        writer: AnswerWriter,
        kept: Kept | None,
    ) -> None:
        """Try until there is an answer, and pass it on.

        Nothing is tried once the caller has the first byte of an answer.

        Raises:
            GatewayError: there is none; or 4xx, the caller's own body turned out to be bad under way.
            ClientGoneError: the caller left.
        """
        trip = Trip(itinerary, self.board, arrival.deadline, random.random)
        journey = Journey(arrival, operation, trip, writer, kept)
        trip.begin()
        failure = GatewayError(504, "timeout", "There was no time left for a try.")
        while True:
            step, delay_us = trip.step, 0
            if isinstance(step, Wait):
                delay_us = await _wait(arrival.call, step.delay_ms)
            elif not isinstance(step, Try):
                raise failure
            found = await self._try(journey, step.target, delay_us)
            if found is None:
                return
            failure = found

    async def _try(self, journey: Journey, index: int, delay_us: int) -> GatewayError | None:
        """One try: None if the caller has been answered, else what it is told if it was the last."""
        call, trip = journey.arrival.call, journey.trip
        stop = trip.stop(index)
        call.go_to(index, stop.target.id, stop.model)
        choice = trip.choose(index)
        if choice is None:
            trip.goes_on(index, error="unhealthy")
            call.retry_after_s = trip.wakes_in_s(index)
            return trip.no_healthy(index)
        try:
            return await self._call(journey, index, choice, delay_us)
        finally:
            choice.breaker.released(choice.permit)

    async def _call(self, journey: Journey, index: int, choice: Choice, delay_us: int) -> GatewayError | None:
        arrival, trip = journey.arrival, journey.trip
        call, stop = arrival.call, trip.stop(index)
        place = stop.places[choice.index]
        prepared = wire.prepare(_sending(journey), stop, place)
        for secret in (*wire.secrets(prepared), *place.secrets.values()):
            call.keep_secret(secret)
        attempt = call.begin_attempt(delay_us)
        response: UpstreamResponse | None = None
        try:
            response = await self._exchange.send(call, prepared, arrival.body)
            attempt.status = response.status
            if response.status >= HTTPStatus.BAD_REQUEST and _failed(journey, index, choice, response):
                await _discard(call, attempt, response)
                return GatewayError(502, "provider_unreachable", f"{call.provider}: status {response.status}")
            one = OneTry(call, attempt, prepared, response, journey.writer, journey.kept)
            await self._exchange.pass_on(one)
            if response.status < HTTPStatus.BAD_REQUEST:  # the others were reported by `_failed`
                choice.breaker.succeeded(choice.permit, now_ms())
        except UpstreamError as error:
            attempt.end(error.kind)
            return _broke_off(journey, index, choice, error)
        finally:
            if response is not None:
                response.close()
        return None


def _sending(journey: Journey) -> wire.Sending:
    arrival = journey.arrival
    return wire.Sending(
        arrival.call.method,
        journey.operation,
        arrival.query,
        arrival.inbound,
        arrival.body,
        arrival.call.request_id,
        datetime.now(UTC),
        arrival.call.labels.drop_unsupported,
    )


def _failed(journey: Journey, index: int, choice: Choice, response: UpstreamResponse) -> bool:
    """Tell the breaker of an answer that is an error; whether something else is tried instead."""
    wait_ms = retry_after_ms(headers.rate_limit(response.headers), time.time_ns() // 1_000_000)
    breaker, permit, status = choice.breaker, choice.permit, response.status
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        breaker.failed(permit, now_ms(), retry_after_ms=wait_ms)
    else:
        breaker.succeeded(permit, now_ms())
        if status == HTTPStatus.TOO_MANY_REQUESTS and wait_ms:
            breaker.rest(now_ms(), wait_ms)
    return journey.trip.goes_on(index, status=status, retry_after_ms=wait_ms)


def _broke_off(journey: Journey, index: int, choice: Choice, error: UpstreamError) -> GatewayError:
    """What the caller is told of a failed connection, unless something else is tried.

    Raises:
        GatewayError: nothing else may be tried.
    """
    arrival = journey.arrival
    if arrival.reader.error is not None:
        raise arrival.reader.error from error
    choice.breaker.failed(choice.permit, now_ms())
    failure = _as_gateway_error(arrival.call, error)
    if journey.writer.status:
        raise failure from error
    arrival.call.forget_answer()
    journey.trip.goes_on(index, error=error.kind)
    return failure


def _as_gateway_error(call: Call, error: UpstreamError) -> GatewayError:
    if isinstance(error, UpstreamTimeoutError):
        return GatewayError(504, "timeout", f"{call.provider}: {error}")
    return GatewayError(502, "provider_unreachable", f"{call.provider}: {error}")


async def _wait(call: Call, delay_ms: int) -> int:
    """Wait before a try; the microseconds that it took."""
    before = time.monotonic_ns()
    await asyncio.sleep(delay_ms / 1000)
    waited_us = elapsed_us(before)
    call.upstream_wait_us += waited_us
    return waited_us


async def _discard(call: Call, attempt: AttemptState, response: UpstreamResponse) -> None:
    """Read what nobody gets, as far as it is short."""
    read, before = 0, time.monotonic_ns()
    with suppress(UpstreamError, TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while read <= DRAIN_BYTES and (data := await response.chunk()):
                read += len(data)
    attempt.end("status")
    call.upstream_wait_us += elapsed_us(before)
