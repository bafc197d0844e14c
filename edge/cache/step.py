"""The cache as a step of the pipeline."""

import time
from collections.abc import Callable

from tallygate.edge.answer.kept import Kept
from tallygate.edge.answer.writer import AnswerWriter
from tallygate.edge.cache import directives
from tallygate.edge.cache.cache import Alone, Hit, Lead, ResponseCache
from tallygate.edge.cache.directives import Directives
from tallygate.edge.cache.entry import Entry, kept_headers
from tallygate.edge.cache.key import cache_key, is_cacheable
from tallygate.edge.cache.replay import Replay, is_complete, kind_of, replay
from tallygate.edge.call import Call, elapsed_us
from tallygate.edge.capture import Capture
from tallygate.edge.errors import GatewayError
from tallygate.edge.events import Ending
from tallygate.edge.exchange import own_headers
from tallygate.edge.headers import Inbound
from tallygate.edge.http.names import RawHeaders, get
from tallygate.edge.steps import Arrival, Proceed
from tallygate.edge.usage.found import Found, flavor_of
from tallygate.schemas.call import Outcome

_STATE = b"Tallygate-Cache"
_AGE = b"Tallygate-Cache-Age"
_VARIANTS = ("target-url", "drop-unsupported", "fallbacks")
"""Headers of the gateway's that change the answer, or whom it comes from."""
Count = Callable[[str], None]


class CachedAnswers:
    """A `Cache` over `ResponseCache`."""

    def __init__(
        self,
        cache: ResponseCache,
        *,
        max_entry_bytes: int,
        capture_bytes: int,
        count: Count = lambda result: None,
    ) -> None:
        """Args:
        max_entry_bytes: what is larger is not kept.
        capture_bytes: of a stored answer, this much gets into the call's record.
        count: told `hit` or `miss` of each call that asks the cache.
        """
        self._cache = cache
        self._max_entry_bytes = max_entry_bytes
        self._capture_bytes = capture_bytes
        self._count = count

    async def around(self, arrival: Arrival, writer: AnswerWriter, proceed: Proceed) -> None:
        """See `Cache`.

        Raises:
            GatewayError: 400, a header of the cache's is malformed; and whatever `proceed` raises.
        """
        wanted = _directives(arrival.inbound)
        key = _key(arrival, wanted) if wanted.active else None
        if key is None:
            await proceed(None)
            return
        outcome = await self._cache.open(key, wanted, arrival.deadline)
        if isinstance(outcome, Hit):
            if (found := _replay(outcome, arrival)) is not None:
                await self._answer(outcome, found, arrival, writer)
                return
            outcome = Alone(save=wanted.save)  # what is stored can't have the form that was asked for
        self._miss(arrival.call)
        if isinstance(outcome, Lead):
            async with outcome:
                await self._lead(outcome, arrival.call, proceed)
        else:
            entry = await self._proceed(arrival.call, proceed)
            if entry is not None and outcome.save:
                await self._cache.save(key, entry, wanted)

    def _miss(self, call: Call) -> None:
        self._count("miss")
        call.cache = "miss"
        call.answer_headers.append((_STATE, b"MISS"))

    async def _lead(self, lead: Lead, call: Call, proceed: Proceed) -> None:
        """Make the call for all who wait. If this caller leaves, one of them takes over."""
        try:
            entry = await self._proceed(call, proceed)
        except GatewayError:
            await lead.uncacheable()
            raise
        if entry is None:
            await lead.uncacheable()
        else:
            await lead.store(entry)

    async def _proceed(self, call: Call, proceed: Proceed) -> Entry | None:
        """Make the call; its answer if it may be stored.

        That of a fallback may not: it would be served instead of the first model's when that is well again.
        """
        kept = Kept(self._max_entry_bytes)
        await proceed(kept)
        if not kept.complete or call.fallback_index:
            return None
        kind, body = kind_of(kept.content_type), kept.body
        if not is_complete(call.endpoint, kind, body):
            return None
        found, flavor = call.found, call.usage_flavor
        return Entry(
            kind=kind,
            body=body,
            created_ms=time.time_ns() // 1_000_000,
            headers=kept_headers(kept.headers),
            provider=call.provider,
            model=found.model or call.model,
            usage=found.usage,
            usage_flavor=flavor_of(found.usage, flavor),
            service_tier=found.service_tier,
            request_id=call.request_id,
        )

    async def _answer(self, hit: Hit, found: Replay, arrival: Arrival, writer: AnswerWriter) -> None:
        call, entry = arrival.call, hit.entry
        self._count("hit")
        call.cache = "hit"
        call.provider, call.model, call.usage_flavor = entry.provider, entry.model, entry.usage_flavor
        call.found = Found(usage=entry.usage, model=entry.model, service_tier=entry.service_tier)
        call.response_capture = Capture(0 if call.labels.omit_response else self._capture_bytes)
        call.response_capture.add(found.body)
        call.ttft_us = elapsed_us(call.started_ns)
        call.answer_headers += [(_STATE, b"HIT"), (_AGE, b"%d" % hit.age_s)]
        head = [*_entry_headers(entry, found), *own_headers(call)]
        arrival.finish(Ending(200, Outcome.CACHE_HIT))
        await writer.whole(200, "", head, found.body)


def _directives(inbound: Inbound) -> Directives:
    if not any(name.startswith("cache-") for name in inbound.gateway):
        return Directives()
    return directives.parse(inbound.gateway, get(inbound.forward, b"cache-control"))


def _key(arrival: Arrival, wanted: Directives) -> bytes | None:
    """The answer's name; None if the call's answer can't be stored."""
    call, body = arrival.call, arrival.body
    if not body.complete or not is_cacheable(call.method, call.endpoint):
        return None
    gateway = arrival.inbound.gateway
    variants = [gateway[name].value if name in gateway else "" for name in _VARIANTS]
    # The route's names: an alias, or a provider written before the model, is the same call.
    model = "\n".join((call.provider, call.model, arrival.query, *variants))
    content = bytes(body.head) if body.decoded is None else body.decoded
    return cache_key(call.project, call.endpoint, model, content, wanted)


def _replay(hit: Hit, arrival: Arrival) -> Replay | None:
    fields = arrival.body.fields
    return replay(hit.entry, arrival.call.endpoint, stream=fields.stream, include_usage=fields.asks_usage)


def _entry_headers(entry: Entry, found: Replay) -> RawHeaders:
    others = [
        (name.encode(), value.encode("latin-1", "replace"))
        for name, value in entry.headers
        if name != "content-type"
    ]
    return [(b"Content-Type", found.content_type.encode("latin-1", "replace")), *others]
