"""One running total as a record that carries what it has counted."""

from tallygate.schemas.records import Call
from tallygate.schemas.totals import UsageTotals
from tallygate.stream_processors.usage.keys import UsageKey
from tallygate.stream_processors.usage.sums import COUNTERS, MAX_SUM, sums_of


def apply(totals: UsageTotals | None, key: UsageKey, partition: int, call: Call) -> UsageTotals | None:
    """Add a call to the total of one of its keys.

    Returns None if the call is counted in it already: its number is at or below the highest one applied of
    its edge. That holds because the numbers of one edge arrive in order, but for contiguous repeats.
    """
    edge, seq = call.origin.edge_id, call.origin.seq
    if totals is None:
        project, dimension, name, value = key
        totals = UsageTotals(
            project=project, dimension=dimension, name=name, value=value, partition=partition
        )
    elif seq <= totals.applied.get(edge, -1):
        return None
    old = totals.__dict__
    values = {
        name: min(MAX_SUM, old[name] + more) for name, more in zip(COUNTERS, sums_of(call), strict=True)
    }
    return totals.model_copy(
        update={
            **values,
            "last_seen_us": max(totals.last_seen_us, call.ended_at_us),
            "applied": {**totals.applied, edge: seq},
            "applied_at_us": {
                **totals.applied_at_us,
                edge: max(totals.applied_at_us.get(edge, 0), call.ended_at_us),
            },
        }
    )


def prune(totals: UsageTotals, older_than_us: int) -> UsageTotals:
    """Forget the marks of edges whose last counted call ended before a time; the sums stay.

    Rule: the time is now less twice the retention of `llm.responses`. What such a mark guards against, a
    call of that edge coming again, can't happen once the log has dropped it; the second retention is for
    an edge that was switched off in the middle of a repeat and comes back. An edge that goes on counting is
    never forgotten, so a total holds as many marks as there were edges within that time.
    """
    gone = {edge for edge, at_us in totals.applied_at_us.items() if at_us < older_than_us}
    if not gone:
        return totals
    return totals.model_copy(
        update={
            "applied": {edge: seq for edge, seq in totals.applied.items() if edge not in gone},
            "applied_at_us": {edge: at for edge, at in totals.applied_at_us.items() if edge not in gone},
        }
    )
