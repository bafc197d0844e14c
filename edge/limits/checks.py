"""Rate limits as a step of the pipeline: of the project, of the key, and of the call's own header."""

import logging

from tallygate.edge import events
from tallygate.edge.call import Call
from tallygate.edge.errors import GatewayError
from tallygate.edge.events import Ending
from tallygate.edge.identity import Identity
from tallygate.edge.limits import policy
from tallygate.edge.limits.limiter import Admission, BoundPolicy, Limiter, Subject, bind, headers
from tallygate.edge.limits.meter import CallMeter
from tallygate.edge.limits.policy import InvalidPolicyError
from tallygate.edge.steps import Arrival
from tallygate.runtime.tasks import spawn

log = logging.getLogger(__name__)
_HEADER = "ratelimit-policy"
_METERED = ("tokens", "cents")


class RateLimits:
    """A `Gate`."""

    def __init__(self, limiter: Limiter, meter: CallMeter) -> None:
        self._limiter = limiter
        self._meter = meter

    async def admit(self, arrival: Arrival) -> None:
        """Take a request from each window; tokens and cents are charged when the call has ended.

        Raises:
            GatewayError: 429 `rate_limited`; 400, the header is malformed; 500, a stored policy is.
        """
        call = arrival.call
        bound = _bound(arrival)
        if not bound:
            return
        admission = await self._limiter.admit(bound)
        call.answer_headers += _answer_headers(admission)
        if not admission.allowed:
            raise GatewayError(429, "rate_limited", _refusal(admission))
        metered = tuple(each for each in bound if each.policy.unit in _METERED)
        if metered:
            call.on_end.append(lambda ended, ending: self._charge(metered, ended, ending))

    def _charge(self, metered: tuple[BoundPolicy, ...], call: Call, ending: Ending) -> None:
        """What never reached a provider took nothing."""
        if call.attempts:
            # Built at once: a later chunk of the stream must not get into it while a thread reads it.
            event = events.response_event(call, ending, "meter", 0)
            spawn(self._charge_later(metered, event), name="charge")

    async def _charge_later(self, metered: tuple[BoundPolicy, ...], event: dict[str, object]) -> None:
        amounts = await self._meter.measure(event)
        await self._limiter.charge(metered, tokens=amounts.tokens, cost_nanos=amounts.cost_nanos)


def _bound(arrival: Arrival) -> tuple[BoundPolicy, ...]:
    call, identity = arrival.call, arrival.identity
    own = policy.from_header(arrival.inbound.gateway.get(_HEADER))
    stored = _stored(identity)
    if not own and not stored:
        return ()
    subject = Subject(call.project, call.key_id, call.user_id, call.labels.properties)
    bound = [
        each for source, texts in stored for each in bind(_parsed(source, texts), subject, source=source)
    ]
    return (*bound, *bind(own, subject, source="header"))


def _stored(identity: Identity) -> list[tuple[str, tuple[str, ...]]]:
    """Where policies come from besides the header, and those."""
    found = [("project", identity.snapshot.project_settings(identity.project).rate_limits)]
    if identity.key is not None:
        found.append((f"key:{identity.key.key_id}", identity.key.rate_limits))
    return [(source, texts) for source, texts in found if texts]


def _parsed(source: str, texts: tuple[str, ...]) -> tuple[policy.Policy, ...]:
    try:
        return policy.parse(",".join(texts))
    except InvalidPolicyError as error:
        log.error("rate limits of %s can't be used: %s", source, error)  # noqa: TRY400 - no traceback needed
        raise GatewayError(500, "internal", "The stored rate limits can't be used: see the log.") from error


def _answer_headers(admission: Admission) -> list[tuple[bytes, bytes]]:
    return [
        (
            b"Retry-After" if name == "retry-after" else f"Tallygate-{name}".encode(),
            value.encode("latin-1", "replace"),
        )
        for name, value in headers(admission).items()
    ]


def _refusal(admission: Admission) -> str:
    if admission.degraded:
        return "Rate limits can't be checked now, and by configuration no call goes unchecked."
    policies = ", ".join(
        str(each.policy)
        for each, reading in zip(admission.policies, admission.readings, strict=True)
        if reading.wait_ms
    )
    return f"The rate limit {policies} is reached; try again in {admission.retry_after_s} s."
