"""Deleting what every reader has read. The process that reads an outbox calls this."""

from pathlib import Path

from tallygate.edge.outbox import segment
from tallygate.edge.outbox.reader import Position


def collect(directory: Path, consumed: Position, keep_bytes: int) -> int:
    """Delete segments that lie before a consumed position, oldest first, while more than `keep_bytes` of
    such segments are kept; return the number of bytes freed.

    The newest segment is never deleted: its name is how the writer knows where its numbers go on.
    """
    paths = segment.segments(directory)[:-1]
    done = [path for path in paths if int(path.stem) < consumed.segment]
    sizes = [path.stat().st_size for path in done]
    excess = sum(sizes) - keep_bytes
    freed = 0
    for path, size in zip(done, sizes, strict=True):
        if freed >= excess:
            break
        path.unlink()
        freed += size
    return freed
