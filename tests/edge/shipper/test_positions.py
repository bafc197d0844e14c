"""Saved positions: kept whole, and no wrong ones taken for true."""

from pathlib import Path

import pytest

from tallygate.edge.shipper.follower import Follower
from tallygate.edge.shipper.positions import PositionFile, PositionsError, Shipped
from tests.support.factories import response_event
from tests.support.outboxes import FilledOutbox


def test_positions_come_back(tmp_path: Path) -> None:
    file = PositionFile(tmp_path / "shipper.json")
    assert file.load() == {}
    positions = {"edge-0": Shipped(edge_id="a", segment=2**40, offset=17)}
    file.save(positions)
    assert PositionFile(tmp_path / "shipper.json").load() == positions


def test_what_an_interrupted_save_left_is_not_read(tmp_path: Path) -> None:
    file = PositionFile(tmp_path / "shipper.json")
    file.save({"edge-0": Shipped(edge_id="a", segment=1, offset=2)})
    (tmp_path / "shipper.new").write_bytes(b'{"edge-0": {"edge_')
    assert file.load()["edge-0"].offset == 2


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"3", b'{"edge-0": 1}', b'{"edge-0": {"edge_id": "a"}}']
)
def test_a_damaged_file_is_told_with_the_way_out(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "shipper.json"
    path.write_bytes(content)
    with pytest.raises(PositionsError, match=r"shipper\.json is damaged; remove it"):
        PositionFile(path).load()


def test_following_goes_on_where_it_was(tmp_path: Path) -> None:
    outbox = FilledOutbox(tmp_path)
    outbox.add_all(response_event() for _ in range(3))
    follower = Follower(tmp_path, {})
    assert [len(records) for _, records in follower.read()] == [3]
    assert follower.lag_bytes() == 0
    outbox.add(response_event())
    again = Follower(tmp_path, follower.positions())
    [(_, records)] = again.read()
    assert [record.seq for record in records] == [outbox.responses[-1].origin.seq]
    outbox.close()


def test_an_outbox_that_was_replaced_is_read_from_its_beginning(tmp_path: Path) -> None:
    known = {"edge-0": Shipped(edge_id="of a lost directory", segment=2**50, offset=99)}
    outbox = FilledOutbox(tmp_path)
    outbox.add(response_event())
    follower = Follower(tmp_path, known)
    assert [len(records) for _, records in follower.read()] == [1]
    assert follower.positions()["edge-0"].edge_id == outbox.writer.edge_id
    outbox.close()


def test_positions_of_an_outbox_that_is_away_are_kept(tmp_path: Path) -> None:
    known = {"edge-7": Shipped(edge_id="b", segment=5, offset=6)}
    follower = Follower(tmp_path, known)
    assert follower.read() == []
    assert follower.positions() == known


def test_an_outbox_without_an_id_is_left_for_later(tmp_path: Path) -> None:
    (tmp_path / "edge-0").mkdir()
    assert Follower(tmp_path, {}).read() == []
