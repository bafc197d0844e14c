"""Credentials, projects, aliases, admin tokens and the audit log over both databases."""

import pytest
from pydantic import SecretStr

from tallygate.control.errors import ConflictError, InvalidError, NotFoundError
from tallygate.control.records import Alias, Credential, Project
from tallygate.control.specs import (
    CredentialPatch,
    NewAdminToken,
    NewAlias,
    NewProject,
    ProjectPatch,
    Rotation,
)
from tallygate.control.store import admins, aliases, audit, credentials, keys, projects
from tallygate.control.store.change import Change
from tallygate.control.store.database import ControlStore
from tests.support.control import issue, keep, now_us, revoke


def project(store: ControlStore, project_id: str) -> Project:
    with store.write("test") as change:
        return projects.create(change, NewProject(id=project_id))


def patch_project(store: ControlStore, project_id: str, **given: object) -> Project:
    with store.write("test") as change:
        return projects.patch(change, project_id, ProjectPatch.model_validate(given))


def patch(store: ControlStore, credential_id: str, **given: object) -> Credential:
    with store.write("test") as change:
        return credentials.patch(change, credential_id, CredentialPatch.model_validate(given))


def alias(store: ControlStore, name: str, *models: str, of: str | None = None) -> Alias:
    with store.write("test") as change:
        return aliases.put(change, NewAlias(project=of, name=name, models=models))


def test_a_credential_comes_back_only_in_the_snapshot(store: ControlStore) -> None:
    given = {
        "name": "west",
        "base_url": "https://west.example/openai/",
        "region": "westeurope",
        "api_version": "2026-10-01",
        "model_map": {"gpt-4o": "my-gpt-4o"},
        "weight": 3,
    }
    kept = keep(store, provider="azure", secrets={"api_key": SecretStr("sk-abcdefghijklmnop")}, **given)
    assert kept.last4 == "mnop"
    assert kept.base_url == "https://west.example/openai"
    with store.read() as session:
        assert credentials.show(session, kept.id) == kept
        assert credentials.listed(session, limit=9) == [kept]
    (deployment,) = store.snapshot().deployments_of("default", "azure")
    assert deployment.api_key == SecretStr("sk-abcdefghijklmnop")
    assert (deployment.credential_id, deployment.weight, deployment.region) == (kept.id, 3, "westeurope")
    assert deployment.model_map == {"gpt-4o": "my-gpt-4o"}
    assert "sk-abc" not in repr(deployment) + repr(store.snapshot())


def test_a_projects_own_deployments_hide_the_shared_ones(store: ControlStore) -> None:
    project(store, "team")
    shared = [keep(store, name=name).id for name in ("a", "b")]
    own = keep(store, project="team").id
    keep(store, project="team", name="off", enabled=False)
    snapshot = store.snapshot()
    assert [one.credential_id for one in snapshot.deployments_of("team", "openai")] == [own]
    assert [one.credential_id for one in snapshot.deployments_of("default", "openai")] == shared
    assert snapshot.deployments_of("team", "groq") == ()
    with store.read() as session:
        assert len(credentials.listed(session, project="default", limit=9)) == 2
        assert len(credentials.listed(session, project="team", limit=9)) == 4
        assert len(credentials.listed(session, provider="groq", limit=9)) == 0


def test_several_secrets_none_and_short_ones(store: ControlStore) -> None:
    aws = {"access_key_id": SecretStr("AKIA0123"), "secret_access_key": SecretStr("0123456789abcdefWXYZ")}
    assert keep(store, provider="bedrock", secrets=aws).last4 == "WXYZ"
    assert keep(store, provider="ollama", secrets={}).last4 == ""
    assert keep(store, provider="vllm", secrets={"api_key": SecretStr("short")}).last4 == ""
    snapshot = store.snapshot()
    assert snapshot.deployments_of("default", "bedrock")[0].secrets == aws
    assert snapshot.deployments_of("default", "ollama")[0].api_key is None


def test_a_credentials_name_is_taken_once_per_place(store: ControlStore) -> None:
    project(store, "team")
    for place in (None, "team"):
        keep(store, project=place)
        with pytest.raises(ConflictError, match="name this one differently"):
            keep(store, project=place)
    other = keep(store, name="second")
    with pytest.raises(ConflictError):
        patch(store, other.id, name="default")
    with pytest.raises(NotFoundError):
        keep(store, project="nowhere")


def test_a_patched_credential(store: ControlStore) -> None:
    kept = keep(store, region="here", weight=2)
    changed = patch(store, kept.id, secrets={"api_key": "sk-the-new-secret-9999"}, region=None)
    assert (changed.last4, changed.region, changed.weight) == ("9999", None, 2)
    assert changed.updated_at > kept.updated_at
    (deployment,) = store.snapshot().deployments_of("default", "openai")
    assert deployment.api_key == SecretStr("sk-the-new-secret-9999")
    patch(store, kept.id, enabled=False)
    assert store.snapshot().deployments_of("default", "openai") == ()


def test_a_removed_credential(store: ControlStore) -> None:
    kept = keep(store)
    with store.write("test") as change:
        credentials.remove(change, kept.id)
    assert store.snapshot().deployments == {}
    for act in (credentials.remove, lambda change, key: credentials.patch(change, key, CredentialPatch())):
        with pytest.raises(NotFoundError), store.write("test") as change:
            act(change, kept.id)


def test_an_archived_project_ends_its_keys_until_it_comes_back(store: ControlStore) -> None:
    project(store, "team")
    _, secret = issue(store, project="team")
    keep(store, project="team")
    alias(store, "fast", "x", of="team")
    assert patch_project(store, "team", archived=True).archived_at is not None
    snapshot = store.snapshot()
    assert snapshot.find(secret) is None
    assert not snapshot.deployments
    assert not snapshot.aliases
    assert list(snapshot.settings) == ["default"]
    with pytest.raises(NotFoundError, match="archived"):
        issue(store, project="team")
    assert patch_project(store, "team", archived=False).archived_at is None
    assert store.snapshot().authenticate(secret, now_us()) is not None


def test_projects_settings_change_one_by_one(store: ControlStore) -> None:
    patch_project(store, "default", settings={"time_zone": "Europe/Berlin"}, name="Everything")
    changed = patch_project(store, "default", settings={"target_urls": ["https://x.example/v1/"]})
    assert changed.name == "Everything"
    assert (changed.settings.time_zone, changed.settings.target_urls) == (
        "Europe/Berlin",
        ("https://x.example/v1",),
    )
    assert store.snapshot().project_settings("default") == changed.settings
    assert store.snapshot().project_settings("unknown").time_zone == "UTC"


def test_projects_that_can_not_be(store: ControlStore) -> None:
    project(store, "team")
    with pytest.raises(ConflictError, match="exists already"):
        project(store, "team")
    with pytest.raises(InvalidError, match="default project"):
        patch_project(store, "default", archived=True)
    with pytest.raises(NotFoundError):
        patch_project(store, "nowhere", name="x")
    with store.read() as session:
        assert [one.id for one in projects.listed(session, limit=9)] == ["default", "team"]
        assert [one.id for one in projects.listed(session, after="default", limit=9)] == ["team"]
        with pytest.raises(NotFoundError):
            projects.show(session, "nowhere")


def test_aliases_resolve_own_before_shared(store: ControlStore) -> None:
    project(store, "team")
    alias(store, "fast", "gpt-4o-mini", "groq/llama")
    alias(store, "fast", "claude-haiku", of="team")
    alias(store, "best", "fast", "gpt-5")
    snapshot = store.snapshot()
    assert snapshot.resolve("default", "best") == ("gpt-4o-mini", "groq/llama", "gpt-5")
    assert snapshot.resolve("team", "best,x") == ("claude-haiku", "gpt-5", "x")
    alias(store, "fast", "replaced")
    with store.read() as session:
        assert len(aliases.listed(session, project="team", limit=9)) == 3
        assert len(aliases.listed(session, project="default", limit=9)) == 2
    with store.write("test") as change:
        aliases.remove(change, "team", "fast")
    assert store.snapshot().resolve("team", "fast") == ("replaced",)
    with pytest.raises(NotFoundError, match="of project 'team'"), store.write("test") as change:
        aliases.remove(change, "team", "fast")


def test_admin_tokens(store: ControlStore) -> None:
    with store.write("test") as change:
        token, secret = admins.create(change, NewAdminToken(name="ci"))
    assert secret.startswith("tg-admin-")
    with store.read() as session:
        assert admins.authenticate(session, secret) == token
        assert admins.authenticate(session, secret + "x") is None
        assert admins.authenticate(session, "") is None
    with store.write("test") as change:
        ended = admins.revoke(change, token.id)
        assert admins.revoke(change, token.id) == ended
    with store.read() as session:
        assert admins.authenticate(session, secret) is None
        assert admins.listed(session, limit=9) == [ended]


def test_every_change_bumps_the_version_and_is_audited(store: ControlStore) -> None:
    start = store.dump().version
    project(store, "team")
    key, _ = issue(store, project="team", models=("gpt-4o",))
    with store.write("somebody") as change:
        keys.rotate(change, key.id, Rotation(overlap_s=5))
    revoke(store, key.id)
    kept = keep(store)
    patch(store, kept.id, secrets={"api_key": "sk-another-secret-value"}, weight=2)
    assert store.dump().version == start + 6
    with store.read() as session:
        entries = audit.listed(session, limit=99)
        of_team = audit.listed(session, project="team", limit=99)
        of_key = audit.listed(session, target=key.id, limit=2)
        rest = audit.listed(session, target=key.id, before=of_key[-1].id, limit=9)
    assert [one.action for one in entries] == [
        "credential.update",
        "credential.create",
        "key.revoke",
        "key.rotate",
        "key.create",
        "project.create",
    ]
    assert [one.actor for one in entries] == ["test", "test", "test", "somebody", "test", "test"]
    assert entries[0].detail == {"secrets": "replaced", "weight": 2}
    assert entries[3].detail == {"overlap_s": 5}
    assert entries[4].detail["models"] == ["gpt-4o"]
    assert len(of_team) == 4
    assert [one.action for one in of_key + rest] == ["key.revoke", "key.rotate", "key.create"]


def test_a_failed_change_leaves_nothing(store: ControlStore) -> None:
    before = store.dump()

    def half(change: Change) -> None:
        projects.create(change, NewProject(id="half"))
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"), store.write("test") as change:
        half(change)
    assert store.dump() == before
    with store.read() as session:
        assert audit.listed(session, limit=9) == []
