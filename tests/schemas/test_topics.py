import re

from hypothesis import given
from hypothesis import strategies as st

from tallygate.schemas.topics import BY_CODE, BY_NAME, DEFAULT_PARTITIONS, TOPICS, partition_key


def test_names_codes_and_models_are_unique() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)
    assert len({topic.code for topic in TOPICS}) == len(TOPICS)
    assert len({topic.model for topic in TOPICS}) == len(TOPICS)
    assert list(BY_NAME) == [topic.name for topic in TOPICS]
    assert list(BY_CODE) == [topic.code for topic in TOPICS]


def test_codes_never_change() -> None:
    """They are in the outboxes of every machine that runs."""
    assert {topic.name: topic.code for topic in TOPICS} == {
        "llm.requests": 1,
        "llm.responses": 2,
        "llm.calls": 3,
        "llm.usage": 4,
        "llm.alerts": 5,
        "llm.deadletter": 6,
        "llm.rule_totals": 7,
        "llm.rule_states": 8,
        "llm.budgets": 9,
    }
    assert all(topic.code < 256 for topic in TOPICS)  # one byte in a record


def test_names_are_kafkas_and_retention_is_set() -> None:
    for topic in TOPICS:
        assert re.fullmatch(r"llm\.[a-z_]+", topic.name)
        assert (topic.retention_ms == -1) == (topic.cleanup == "compact")
        assert topic.retention_ms == -1 or topic.retention_ms >= 86_400_000


def test_all_topics_have_the_same_partitions() -> None:
    """There is one number for all, and none of a topic's own: derived records keep their partition."""
    assert DEFAULT_PARTITIONS >= 1
    assert not any("partitions" in topic.__slots__ for topic in TOPICS)


def test_the_records_say_which_topic_they_belong_to() -> None:
    for topic in TOPICS:
        fields = topic.model.model_fields
        kind = fields["event" if "event" in fields else "record"].default
        assert kind.rstrip("s") == topic.name.rstrip("s")


@given(st.text(), st.text())
def test_partition_keys_hold_project_and_user(project: str, user: str) -> None:
    assert partition_key(project, user) == f"{project}/{user}".encode()
