"""Gateway keys over both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from tallygate.control.errors import ConflictError, InvalidError, NotFoundError
from tallygate.control.records import Key
from tallygate.control.specs import KeyPatch, Rotation
from tallygate.control.store import keys
from tallygate.control.store.database import ControlStore
from tallygate.control.store.keys import Issued, KeyState
from tests.support.control import issue, now_us, revoke

DAY_US = 86_400_000_000


def patch(store: ControlStore, key_id: str, **given: object) -> Key:
    with store.write("test") as change:
        return keys.patch(change, key_id, KeyPatch.model_validate(given))


def rotate(store: ControlStore, key_id: str, overlap_s: int) -> Issued:
    with store.write("test") as change:
        return keys.rotate(change, key_id, Rotation(overlap_s=overlap_s))


def listed(store: ControlStore, state: KeyState = "all", **given: object) -> list[str]:
    with store.read() as session:
        found = keys.listed(session, now=datetime.now(UTC), state=state, **{"limit": 100, **given})  # type: ignore[arg-type]
        return [key.id for key in found]


def test_a_new_key_is_known_by_its_secret_with_all_its_fields(store: ControlStore) -> None:
    expires_at = datetime(2100, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    given = {
        "name": "Zoë's key",
        "user_id": "zoë",
        "models": ("gpt-4o*", "anthropic/*"),
        "rate_limits": ("100;w=60",),
        "expires_at": expires_at,
    }
    key, secret = issue(store, **given)
    assert secret.startswith("tg-")
    assert len(secret) == 3 + 43
    assert key.last4 == secret[-4:]
    info = store.snapshot().authenticate(secret, now_us())
    assert info is not None
    for record in (key, info):
        assert {name: getattr(record, name) for name in given if hasattr(record, name)} == {
            name: value for name, value in given.items() if hasattr(record, name)
        }
    assert (info.key_id, info.project) == (key.id, "default")
    assert info.expires_at_us == 4_102_542_245_678_901
    with store.read() as session:
        assert keys.show(session, key.id) == key


def test_unknown_project_and_past_expiry_are_refused(store: ControlStore) -> None:
    before = store.stamp()
    with pytest.raises(NotFoundError, match="'nowhere'"):
        issue(store, project="nowhere")
    with pytest.raises(InvalidError, match="future") as caught:
        issue(store, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert caught.value.param == "expires_at"
    assert store.stamp() == before
    assert listed(store) == []


def test_a_patch_changes_what_it_names_and_null_clears(store: ControlStore) -> None:
    key, secret = issue(
        store, user_id="u", models=("gpt-4o",), rate_limits=("9;w=60",), expires_at="2100-01-01T00:00:00Z"
    )
    changed = patch(store, key.id, models=["claude-*"], expires_at=None)
    assert changed == key.model_copy(update={"models": ("claude-*",), "expires_at": None})
    info = store.snapshot().authenticate(secret, now_us())
    assert info is not None
    assert info.allows("claude-x")
    assert not info.allows("gpt-4o")
    assert info.rate_limits == ("9;w=60",)


def test_rotation_takes_both_secrets_until_the_overlap_ends(store: ControlStore) -> None:
    key, first = issue(store)
    rotated, second = rotate(store, key.id, overlap_s=3600)
    assert rotated.last4 == second[-4:]
    assert rotated.overlap_until is not None
    assert rotated.rotated_at is not None
    assert rotated.overlap_until - rotated.rotated_at == timedelta(hours=1)
    snapshot, now = store.snapshot(), now_us()
    assert snapshot.authenticate(first, now) == snapshot.authenticate(second, now)
    later = now + 3_700_000_000
    assert snapshot.authenticate(first, later) is None
    assert snapshot.authenticate(second, later) is not None


def test_a_further_rotation_never_lengthens_an_older_secret(store: ControlStore) -> None:
    key, first = issue(store)
    _, second = rotate(store, key.id, overlap_s=60)
    _, third = rotate(store, key.id, overlap_s=7200)
    snapshot, soon = store.snapshot(), now_us() + 120_000_000
    assert [snapshot.authenticate(one, soon) is not None for one in (first, second, third)] == [
        False,
        True,
        True,
    ]
    _, fourth = rotate(store, key.id, overlap_s=0)
    snapshot = store.snapshot()
    valid = [snapshot.authenticate(one, now_us()) is not None for one in (first, second, third, fourth)]
    assert valid == [False, False, False, True]
    rotate(store, key.id, overlap_s=0)
    assert len(store.snapshot().grants) == 2  # those that had ended were deleted


def test_a_revoked_key_is_gone_with_all_its_secrets_for_good(store: ControlStore) -> None:
    key, first = issue(store)
    _, second = rotate(store, key.id, overlap_s=3600)
    ended = revoke(store, key.id)
    assert ended.revoked_at is not None
    assert revoke(store, key.id) == ended
    snapshot = store.snapshot()
    assert snapshot.find(first) is snapshot.find(second) is None
    for change in (lambda: patch(store, key.id, name="x"), lambda: rotate(store, key.id, 0)):
        with pytest.raises(ConflictError, match="is revoked"):
            change()


def test_an_expired_key_is_refused_but_found(store: ControlStore) -> None:
    _, secret = issue(store, expires_at=datetime.now(UTC) + timedelta(days=1))
    snapshot, now = store.snapshot(), now_us()
    assert snapshot.authenticate(secret, now) is not None
    assert snapshot.authenticate(secret, now + DAY_US) is None
    assert snapshot.find(secret) is not None


def test_lists_by_state_and_project_in_pages(store: ControlStore) -> None:
    made = [issue(store, name=f"key {index}").key.id for index in range(5)]
    soon = issue(store, expires_at=datetime.now(UTC) + timedelta(milliseconds=300)).key.id
    revoke(store, made[0])
    newest_first = [soon, *reversed(made)]
    assert listed(store) == newest_first
    assert listed(store, "revoked") == [made[0]]
    assert listed(store, limit=2) + listed(store, before=made[4], limit=9) == newest_first
    assert listed(store, project="other") == []
    with store.read() as session:
        later = datetime.now(UTC) + timedelta(seconds=1)
        assert [key.id for key in keys.listed(session, now=later, state="expired", limit=9)] == [soon]
        active = keys.listed(session, now=later, state="active", limit=9)
    assert [key.id for key in active] == newest_first[1:5]


def test_what_is_not_there_is_told(store: ControlStore) -> None:
    for change in (
        lambda: patch(store, "key_none", name="x"),
        lambda: rotate(store, "key_none", 0),
        lambda: revoke(store, "key_none"),
    ):
        with pytest.raises(NotFoundError, match="key_none"):
            change()
