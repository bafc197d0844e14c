"""The seams of the pipeline: steps that are put in from outside, and what each is promised.

The order of a call (`edge.pipeline`): identify → read the body's head → **gate** → route → **cache** →
attempts → record.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from tallygate.edge.answer.kept import Kept
from tallygate.edge.answer.writer import AnswerWriter
from tallygate.edge.call import Call
from tallygate.edge.events import Ending
from tallygate.edge.headers import Inbound
from tallygate.edge.identity import Identity
from tallygate.edge.request.body import BodyReader, RequestBody
from tallygate.runtime.deadline import Deadline


@dataclass(slots=True)
class Arrival:
    """A call whose caller is known and whose body has been read as far as routing needs."""

    call: Call
    """Project, key, user, labels and the asked model are set. A step may add to `call.answer_headers`: they
    are on every answer, also on an error. `call.on_end` takes functions that are told the end."""
    identity: Identity
    inbound: Inbound
    """`inbound.gateway` are the gateway's own headers."""
    query: str
    body: RequestBody
    """`complete`: it is held in memory; else only its head is, and it is never to be read by a step."""
    reader: BodyReader
    deadline: Deadline
    """Of the whole call."""
    finish: Callable[[Ending], None]
    """Write the call's record. Once, before the last byte of a complete answer: the next calls do nothing."""


Proceed = Callable[[Kept | None], Awaitable[None]]
"""Make the call and pass its answer on. With a `Kept`, the answer is kept there too; see `Kept.complete`."""


class Gate(Protocol):
    """Whether a call may be made: rate limits, budgets."""

    async def admit(self, arrival: Arrival) -> None:
        """Let the call through.

        It is asked once per call, after identification and before routing: nothing has been sent anywhere.
        To learn what became of an admitted call, add to `call.on_end`: each function there is called exactly
        once, after the call's record, with the call (`call.found.usage`, `call.provider`, `call.model`,
        `call.attempts`) and its ending, also if it is refused later, cancelled or cut off. Such a function
        must neither block nor raise; it may `spawn` a task.

        Raises:
            GatewayError: the call is refused, and recorded as `rejected`.
        """
        ...


class Cache(Protocol):
    """Answers that need no provider."""

    async def around(self, arrival: Arrival, writer: AnswerWriter, proceed: Proceed) -> None:
        """Answer the call, from a store or by `proceed`.

        It is asked once per call that goes to a provider. Routing has succeeded (the model exists, the key
        may use it), and the request event is written. Either

        - answer with `writer`, with `arrival.finish(Ending(…))` before the last byte and `call.cache` set; or
        - await `proceed(kept)` exactly once. When it returns, the answer has gone to the caller whole, and
          `kept.complete` says whether it can be stored: a 200 that neither broke off nor carried an error.
          It raises if there was no whole answer; let that through.

        It may be cancelled at any await: the caller left, or its time is over.
        """
        ...


class OpenGate:
    """Admits every call."""

    async def admit(self, arrival: Arrival) -> None:
        """See `Gate`."""


class NoCache:
    """Keeps nothing."""

    async def around(self, arrival: Arrival, writer: AnswerWriter, proceed: Proceed) -> None:
        """See `Cache`."""
        await proceed(None)
