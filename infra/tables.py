"""Figures in columns, for people at a terminal."""

from collections.abc import Sequence

NANOS = 10**9


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of one length as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def dollars(nanos: int, *, sign: bool = False) -> str:
    """Money, exact: `$12.30`, `-$0.000000150`; with `sign`, `+$12.30`."""
    whole, rest = divmod(abs(nanos), NANOS)
    cents = f"{rest:09d}".rstrip("0").ljust(2, "0")
    mark = "-" if nanos < 0 else "+" if sign and nanos > 0 else ""
    return f"{mark}${whole:,}.{cents}"
