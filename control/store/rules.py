"""Budgets and alert rules."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tallygate.control.accounting.rule_specs import NewRule, RulePatch
from tallygate.control.accounting.rules import changed, new_rule, recounted
from tallygate.control.errors import ConflictError, InvalidError
from tallygate.control.instants import micros
from tallygate.control.records import ProjectSettings
from tallygate.control.secrets import new_id
from tallygate.control.store.change import Change
from tallygate.control.store.lookup import get, live_project, of_project
from tallygate.control.store.tables import ChannelRow, ProjectRow, RuleRow
from tallygate.schemas.rules import Rule

MAX_RULES = 200
"""Of a project: each is looked at with each of its calls."""
_APART = {"record", "schema_version", "rule_id", "project", "enabled", "created_at_us"}


def create(change: Change, new: NewRule) -> Rule:
    """Make a rule.

    Raises:
        NotFoundError: the project isn't there.
        InvalidError: it makes no sense, or names channels that aren't there.
        ConflictError: the project has too many.
    """
    live_project(change.session, new.project)
    _room(change.session, new.project)
    rule = new_rule(new, new_id("rule"), _zone(change.session, new.project), change.now)
    _check_channels(change.session, rule)
    row = RuleRow(id=rule.rule_id, project=rule.project, created_at=change.now)
    _write(row, rule)
    change.session.add(row)
    change.session.flush()
    detail = new.model_dump(mode="json", exclude_unset=True, exclude={"project"})
    change.audit("rule.create", rule.rule_id, rule.project, detail)
    return rule


def patch(change: Change, rule_id: str, changes: RulePatch) -> Rule:
    """Change a rule.

    Raises:
        NotFoundError, InvalidError: nothing was changed.
    """
    row = get(change.session, RuleRow, rule_id, "rule")
    rule = changed(to_rule(row), changes, _zone(change.session, row.project), change.now)
    _check_channels(change.session, rule)
    _write(row, rule)
    given = changes.model_dump(mode="json", exclude_unset=True)
    change.audit("rule.update", rule_id, row.project, given)
    return rule


def remove(change: Change, rule_id: str) -> None:
    """Delete a rule. The alerts that it raised stay on record.

    Raises:
        NotFoundError: there is none of that id.
    """
    row = get(change.session, RuleRow, rule_id, "rule")
    change.session.delete(row)
    change.audit("rule.remove", rule_id, row.project, {"name": to_rule(row).name})


def recount(change: Change, project: str) -> None:
    """Begin the counting of a project's rules anew: for a while nobody counted."""
    for row in change.session.scalars(select(RuleRow).where(RuleRow.project == project)):
        _write(row, recounted(to_rule(row)))


def show(session: Session, rule_id: str) -> Rule:
    """One rule.

    Raises:
        NotFoundError: there is none of that id.
    """
    return to_rule(get(session, RuleRow, rule_id, "rule"))


def listed(
    session: Session, *, project: str | None = None, before: str | None = None, limit: int
) -> list[Rule]:
    """Rules, newest first."""
    rows = of_project(session, RuleRow, project, before=before, limit=limit)
    return [to_rule(row) for row in rows]


def to_rule(row: RuleRow) -> Rule:
    """The record of a row."""
    apart: dict[str, Any] = {
        "rule_id": row.id,
        "project": row.project,
        "enabled": row.enabled,
        "created_at_us": micros(row.created_at),
    }
    return Rule.model_validate(row.definition | apart)


def _write(row: RuleRow, rule: Rule) -> None:
    row.enabled = rule.enabled
    row.definition = rule.model_dump(mode="json", exclude=_APART)


def _zone(session: Session, project: str) -> str:
    row = get(session, ProjectRow, project, "project")
    return ProjectSettings.model_validate(row.settings).time_zone


def _room(session: Session, project: str) -> None:
    query = select(func.count()).select_from(RuleRow).where(RuleRow.project == project)
    if session.execute(query).scalar_one() >= MAX_RULES:
        raise ConflictError(f"project {project!r} has {MAX_RULES} rules, which is the most: remove one")


def _check_channels(session: Session, rule: Rule) -> None:
    query = select(ChannelRow.id).where(ChannelRow.project == rule.project, ChannelRow.events == "alerts")
    missing = set(rule.channels) - set(session.scalars(query)) if rule.channels else set()
    if missing:
        names = ", ".join(sorted(missing))
        raise InvalidError(f"this project has no channel for alerts with the id {names}", "channels")
