"""A session of the store that is kept to some projects sees and changes nothing of others."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tallygate.control.errors import ConflictError, ForbiddenError, NotFoundError
from tallygate.control.specs import (
    CredentialPatch,
    Grant,
    KeyPatch,
    NewAlias,
    NewApiToken,
    NewCredential,
    NewKey,
    ProjectPatch,
    Rotation,
)
from tallygate.control.store import aliases, audit, credentials, keys, projects, tokens, users
from tallygate.control.store.change import Change
from tallygate.control.store.database import ControlStore
from tallygate.control.store.fence import OWNED
from tallygate.control.store.tables import (
    AuditRow,
    ChannelRow,
    CredentialRow,
    KeyRow,
    MembershipRow,
    RuleRow,
)
from tests.support.access import with_projects, with_token, with_user
from tests.support.control import issue, keep

MINE = frozenset({"mine"})


@pytest.fixture
def ids(store: ControlStore) -> dict[str, str]:
    """Ids of what belongs to `theirs`; there is the same in `mine`, and something shared."""
    with_projects(store, "mine", "theirs")
    with_user(store, "ann@example.com", {"mine": "admin", "theirs": "viewer"})
    found: dict[str, str] = {}
    for project in ("mine", "theirs"):
        found |= {
            "key": issue(store, project=project, name=f"of {project}").key.id,
            "credential": keep(store, project=project, name=f"of {project}").id,
        }
        with store.write("test") as change:
            aliases.put(change, NewAlias(project=project, name="fast", models=(f"model-of-{project}",)))
        with_token(store, project)
    with store.read() as session:
        (token,) = tokens.listed(session, project="theirs", limit=1)
    shared = keep(store, name="for all").id
    with store.write("test") as change:
        aliases.put(change, NewAlias(name="shared", models=("m",)))
    return found | {"token": token.id, "shared": shared}


READS: dict[str, Callable[[Session], Any]] = {
    "projects": lambda session: [one.id for one in projects.listed(session, limit=99)],
    "keys": lambda session: [one.project for one in _keys(session)],
    "credentials": lambda session: [one.project for one in credentials.listed(session, limit=99)],
    "aliases": lambda session: [one.project for one in aliases.listed(session, limit=99)],
    "tokens": lambda session: [one.project for one in tokens.listed(session, limit=99)],
    "audit": lambda session: [one.project for one in audit.listed(session, limit=99)],
    "members": lambda session: [one.project for one in users.members(session, limit=99)],
    "their keys": lambda session: [one.project for one in _keys(session, "theirs")],
    "their members": lambda session: [
        one.project for one in users.members(session, project="theirs", limit=9)
    ],
}


def _keys(session: Session, project: str | None = None) -> list[Any]:
    from tallygate.control.store.database import utc_now

    return list(keys.listed(session, now=utc_now(), project=project, state="all", before=None, limit=99))


@pytest.mark.parametrize("name", READS)
def test_lists_hold_nothing_of_others(store: ControlStore, ids: dict[str, str], name: str) -> None:
    with store.read(MINE) as session:
        seen = set(READS[name](session))
    assert seen <= {"mine", None}
    assert ("mine" in seen) == (not name.startswith("their"))
    assert (None in seen) == (name in {"credentials", "aliases"})
    with store.read() as session:
        assert "theirs" in READS[name](session)


CHANGES: dict[str, Callable[[Change, dict[str, str]], Any]] = {
    "project": lambda change, _: projects.patch(change, "theirs", ProjectPatch(name="x")),
    "key": lambda change, ids: keys.patch(change, ids["key"], KeyPatch(name="x")),
    "key rotated": lambda change, ids: keys.rotate(change, ids["key"], Rotation()),
    "key revoked": lambda change, ids: keys.revoke(change, ids["key"]),
    "key made": lambda change, _: keys.create(change, NewKey(project="theirs", name="x")),
    "credential": lambda change, ids: credentials.patch(change, ids["credential"], CredentialPatch(name="x")),
    "credential removed": lambda change, ids: credentials.remove(change, ids["credential"]),
    "credential made": lambda change, _: credentials.create(
        change, NewCredential(project="theirs", provider="openai", name="of theirs")
    ),
    "shared credential": lambda change, ids: credentials.patch(
        change, ids["shared"], CredentialPatch(name="x")
    ),
    "shared credential removed": lambda change, ids: credentials.remove(change, ids["shared"]),
    "shared credential made": lambda change, _: credentials.create(change, NewCredential(provider="openai")),
    "alias": lambda change, _: aliases.put(change, NewAlias(project="theirs", name="fast", models=("m",))),
    "alias removed": lambda change, _: aliases.remove(change, "theirs", "fast"),
    "shared alias": lambda change, _: aliases.put(change, NewAlias(name="shared", models=("m",))),
    "shared alias removed": lambda change, _: aliases.remove(change, None, "shared"),
    "token made": lambda change, _: tokens.create(change, NewApiToken(project="theirs", name="x")),
    "token revoked": lambda change, ids: tokens.revoke(change, ids["token"]),
    "member": lambda change, _: users.grant(
        change, Grant.model_validate({"email": "ann@example.com", "project": "theirs", "role": "admin"})
    ),
    "member removed": lambda change, _: users.withdraw(change, "ann@example.com", "theirs"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_nothing_of_others_is_changed(store: ControlStore, ids: dict[str, str], name: str) -> None:
    before = store.stamp()
    with pytest.raises((NotFoundError, ForbiddenError)) as refused, store.write("ann", MINE) as change:
        CHANGES[name](change, ids)
    assert "mine" not in str(refused.value)
    assert store.stamp() == before


def test_ones_own_is_changed(store: ControlStore, ids: dict[str, str]) -> None:
    with store.write("ann", MINE) as change:
        made = keys.create(change, NewKey(project="mine", name="x"))
        assert keys.revoke(change, made.key.id).revoked_at is not None
        credentials.create(change, NewCredential(project="mine", provider="openai"))
        aliases.remove(change, "mine", "fast")
        projects.patch(change, "mine", ProjectPatch(name="ours"))
        token = tokens.create(change, NewApiToken(project="mine", name="x"))
        assert tokens.revoke(change, token.token.id).revoked_at is not None


def test_a_name_that_others_have_is_free(store: ControlStore, ids: dict[str, str]) -> None:
    with store.write("ann", MINE) as change:
        credentials.create(change, NewCredential(project="mine", provider="openai", name="of theirs"))
    with pytest.raises(ConflictError), store.write("ann", MINE) as change:
        credentials.create(change, NewCredential(project="mine", provider="openai", name="of theirs"))


def test_tables_with_a_project_are_fenced_by_themselves() -> None:
    assert {KeyRow, CredentialRow, AuditRow, MembershipRow, RuleRow, ChannelRow} <= set(OWNED)


def test_columns_and_primary_keys_are_fenced_too(store: ControlStore, ids: dict[str, str]) -> None:
    with store.read(MINE) as session:
        assert session.get(KeyRow, ids["key"]) is None
        assert set(session.scalars(select(KeyRow.project))) == {"mine"}
