"""What a check found, and its table. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    """Works, but somebody may want to know."""
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table."""

    subject: str
    level: Level
    detail: str


def ok(subject: str, detail: str) -> Finding:
    """All is well."""
    return Finding(subject, Level.OK, detail)


def note(subject: str, detail: str) -> Finding:
    """Something to know."""
    return Finding(subject, Level.NOTE, detail)


def failed(subject: str, detail: str) -> Finding:
    """Something to be put right."""
    return Finding(subject, Level.FAILED, detail)


def table(findings: Sequence[Finding]) -> str:
    """The findings as aligned lines."""
    width = max((len(finding.subject) for finding in findings), default=0)
    level_width = max((len(finding.level) for finding in findings), default=0)
    return "\n".join(
        f"{finding.subject:<{width}}  {finding.level:<{level_width}}  {finding.detail}"
        for finding in findings
    )


def worst(findings: Sequence[Finding]) -> Level:
    """The worst level among them."""
    levels = {finding.level for finding in findings}
    return next((level for level in (Level.FAILED, Level.NOTE) if level in levels), Level.OK)
