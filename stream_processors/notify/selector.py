"""Which calls are told to which call webhooks. Pure.

A call webhook takes a part of its calls, chosen by their request's id: the same call is chosen whoever asks,
and however often.
"""

import hashlib
from collections.abc import Callable, Iterable

from tallygate.schemas.deliveries import Outgoing, of_call
from tallygate.schemas.filter_match import Matcher, matcher
from tallygate.schemas.filters import Filter
from tallygate.schemas.records import Call
from tallygate.schemas.rules import CallHook, RuleBook


class CallSelector:
    """Chooses calls, by the rule book of the moment."""

    def __init__(self, rules: Callable[[], RuleBook]) -> None:
        self._rules = rules
        self._book = RuleBook()
        self._matchers: dict[str, Matcher] = {}

    @property
    def ready(self) -> bool:
        """Whether the rules are known: before, calls would be passed by."""
        return self._rules().version >= 0

    @property
    def idle(self) -> bool:
        """Whether only calls that ask for it are told now."""
        return not self._rules().hooks

    def outgoing(self, calls: Iterable[Call]) -> list[Outgoing]:
        """What is to be told of these calls. To one channel a call is told once, as the first says it."""
        book = self._rules()
        if book is not self._book:
            self._book, self._matchers = book, {}
        found: list[Outgoing] = []
        for call in calls:
            found += [
                of_call(call, (hook.channel_id,), bodies=hook.include_bodies)
                for hook in book.hooks.get(call.project, ())
                if self._takes(hook, call)
            ]
            if call.webhook:
                found.append(of_call(call))
        return found

    def _takes(self, hook: CallHook, call: Call) -> bool:
        return _sampled(hook, call) and (hook.filter is None or self._matcher(hook, hook.filter)(call))

    def _matcher(self, hook: CallHook, filter_: Filter) -> Matcher:
        found = self._matchers.get(hook.hook_id)
        if found is None:
            found = self._matchers[hook.hook_id] = matcher(filter_)
        return found


def _sampled(hook: CallHook, call: Call) -> bool:
    if hook.sample_percent >= 100:
        return True
    digest = hashlib.sha256(f"{hook.hook_id}/{call.request_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < hook.sample_percent / 100 * 2**64
