"""Who makes a call: its project and gateway key. Pure."""

from dataclasses import dataclass

from tallygate.control.snapshot import KeyInfo, Snapshot

DEFAULT_PROJECT = "default"


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller, by one state of the control data."""

    snapshot: Snapshot
    project: str = DEFAULT_PROJECT
    key: KeyInfo | None = None
    """None in open mode."""
