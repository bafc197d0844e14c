"""What the reports have in common: a project, a period and a filter."""

from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from tallygate.analytics.errors import bad_parameter
from tallygate.analytics.invalid import first_mistake
from tallygate.analytics.models import ApiModel
from tallygate.analytics.requests.clause import Clause
from tallygate.analytics.requests.filters import Filters, Pairs, is_filter, parse_filters, time_clauses

Q = TypeVar("Q", bound=ApiModel)

DEFAULT_DAYS = 30
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


class Scope(NamedTuple):
    """Which calls a report is about."""

    project: str
    from_us: int
    to_us: int
    """Excluded."""
    clauses: tuple[Clause, ...]
    """Filters, without the period."""
    open_ended: bool = False
    """The period ends in the future: no call is behind its end, so the end needs no look at calls."""

    def within(self, column: str = "received_at") -> list[Clause]:
        """Filters and period; `column` may be cut to what both ends of the period are whole in."""
        period = Filters((), self.from_us, None if self.open_ended else self.to_us)
        return [*time_clauses(period, column), *self.clauses]

    def and_(self, *clauses: Clause) -> "Scope":
        """Fewer calls."""
        return self._replace(clauses=(*self.clauses, *clauses))

    def is_whole(self, unit_us: int) -> bool:
        """Whether both ends of the period are on a whole hour, or day."""
        return self.from_us % unit_us == 0 and (self.open_ended or self.to_us % unit_us == 0)

    def by_hour(self) -> list[Clause]:
        """Filters and period as the projection `hourly` answers them, if it can."""
        return self.within("toStartOfHour(received_at)" if self.is_whole(HOUR_US) else "received_at")

    def by_day(self) -> list[Clause]:
        """Filters and period as the projection `daily_by_user` answers them, if it can."""
        return self.within("toStartOfDay(received_at)" if self.is_whole(DAY_US) else "received_at")


def parse_scope(pairs: Pairs, project: str, now_us: int) -> Scope:
    """Read `from`, `to`, `filter` and the plain filters of a query string.

    Without `to` the period ends with this hour, without `from` it has 30 days: on whole hours, so that it is
    answered from sums by hour.

    Raises:
        RequestError: 400 that names the parameter.
    """
    filters = parse_filters(pairs)
    from_us, to_us = period(filters.from_us, filters.to_us, now_us)
    return Scope(project, from_us, to_us, filters.clauses, open_ended=to_us > now_us)


def period(from_us: int | None, to_us: int | None, now_us: int) -> tuple[int, int]:
    """A period, with what was not asked for."""
    end = to_us if to_us is not None else max(now_us, from_us or 0) // HOUR_US * HOUR_US + HOUR_US
    begin = from_us if from_us is not None else max(0, end - DEFAULT_DAYS * DAY_US)
    return begin, end


def parse_query(pairs: Pairs, model: type[Q], *, scoped: bool) -> Q:
    """The other parameters, as a model.

    Raises:
        RequestError: 400 that names the parameter.
    """
    given: dict[str, Any] = {}
    for name, value in pairs:
        if scoped and is_filter(name):
            continue
        if name in given:
            raise bad_parameter(name, "is given more than once")
        given[name] = value
    try:
        return model.model_validate(given)
    except ValidationError as error:
        path, message = first_mistake(error)
        unknown = path in given and path not in _names(model)
        raise bad_parameter(path, "is not a parameter of this request" if unknown else message) from error


def _names(model: type[ApiModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}
