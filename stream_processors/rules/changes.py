"""What a step changed of the rules' sums, to be written in one go."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tallygate.schemas.totals import RuleTotals
from tallygate.stream_processors.rules.keys import RuleKey


@dataclass(slots=True)
class Changes:
    """Sums to write and keys to remove. A rule's progress comes after its sums."""

    changed: dict[RuleKey, RuleTotals] = field(default_factory=dict)
    removed: set[RuleKey] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed)

    def then(self, later: "Changes") -> "Changes":
        """These and then those."""
        earlier = {key: each for key, each in self.changed.items() if key not in later.changed}
        changed = {k: v for k, v in (earlier | later.changed).items() if k not in later.removed}
        return Changes(changed, (self.removed - changed.keys()) | later.removed)

    def lines(self) -> Mapping[RuleKey, RuleTotals | None]:
        """All of it by key, None for what is removed."""
        return {**dict.fromkeys(self.removed), **self.changed}
