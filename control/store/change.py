"""A write under way, as the repositories get it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from tallygate.control.store.tables import AuditRow
from tallygate.control.vault import Vault


@dataclass(frozen=True, slots=True)
class Change:
    """A transaction that nobody else writes beside: its session, who makes it, and its time."""

    session: Session
    vault: Vault
    actor: str
    now: datetime

    def audit(self, action: str, target: str, project: str | None, detail: Mapping[str, Any]) -> None:
        """Note what was done, in the same transaction. Details never hold a secret."""
        row = AuditRow(
            at=self.now, actor=self.actor, action=action, project=project, target=target, detail=dict(detail)
        )
        self.session.add(row)
