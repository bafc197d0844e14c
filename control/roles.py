"""What somebody may do in a project. Pure."""

from enum import StrEnum


class Role(StrEnum):
    """In a project. Each may do what the one before may."""

    VIEWER = "viewer"
    """Reads."""
    MEMBER = "member"
    """Also does what leaves something behind: replays, feedback, saved queries."""
    ADMIN = "admin"
    """Also changes settings, keys and providers, and says who belongs to the project."""

    def covers(self, needed: "Role") -> bool:
        """Whether this role is enough where that one is needed."""
        return RANK[self] >= RANK[needed]


RANK = {role: rank for rank, role in enumerate(Role)}
