"""Following the outboxes of a machine."""

import shutil
from pathlib import Path

from tallygate.edge.outbox.writer import OutboxLimits
from tallygate.edge.shipper.follower import Follower
from tests.support.factories import response_event
from tests.support.outboxes import FilledOutbox

SMALL = OutboxLimits(segment_bytes=4096)


def shipped_seqs(follower: Follower) -> list[int]:
    """Numbers of what is read until there is no more, deleting what is consumed."""
    found: list[int] = []
    while read := follower.read():
        found += [record.seq for _, records in read for record in records]
        follower.collect(keep_bytes=0)
    return found


def filled(root: Path, starts: int) -> tuple[FilledOutbox, list[int]]:
    """An outbox with some segments; the numbers grow with each start of its writer."""
    for _ in range(starts - 1):
        FilledOutbox(root).close()
    outbox = FilledOutbox(root, limits=SMALL)
    return outbox, [outbox.add(response_event()).seq for _ in range(30)]


def test_an_outbox_that_replaces_another_is_shipped_from_its_beginning(tmp_path: Path) -> None:
    """Also while the shipper runs, and though the lost one's numbers were higher: nothing of it is deleted
    unread."""
    old, old_seqs = filled(tmp_path, starts=3)
    follower = Follower(tmp_path, {})
    assert shipped_seqs(follower) == old_seqs
    assert follower.lag_bytes() == 0
    old.close()
    shutil.rmtree(old.directory)
    new, new_seqs = filled(tmp_path, starts=1)
    assert new_seqs[-1] < old_seqs[0]
    follower.collect(keep_bytes=0)
    assert shipped_seqs(follower) == new_seqs
    assert follower.positions()["edge-0"].edge_id == new.writer.edge_id
    new.close()
