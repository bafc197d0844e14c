"""Which events the store holds, by their exact numbers and not by its highest."""

from collections.abc import Collection

from tallygate.runtime.clickhouse import Session
from tallygate.schemas.call import Origin
from tallygate.stream_processors.embedded.runner import PARTITION
from tallygate.stream_processors.sink.unavailable import store_errors

_HELD = """
SELECT DISTINCT origin_edge, origin_seq
FROM {table}
WHERE source_partition = {{partition:UInt32}}
    AND (origin_edge, origin_seq) IN (
        SELECT arrayJoin(arrayZip({{edges:Array(String)}}, {{seqs:Array(UInt64)}}))
    )
"""


def held(session: Session, table: str, origins: Collection[Origin]) -> set[Origin]:
    """Those of the embedded run's events that are in a table.

    Raises:
        StoreUnavailableError: the store can't be asked.
    """
    if not origins:
        return set()
    values = {
        "partition": PARTITION,
        "edges": [each.edge_id for each in origins],
        "seqs": [each.seq for each in origins],
    }
    with store_errors():
        rows = session.rows(_HELD.format(table=table), values)
    return {Origin(edge_id=str(edge), seq=int(seq)) for edge, seq in rows}
