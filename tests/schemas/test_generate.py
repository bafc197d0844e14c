import json
from pathlib import Path

import pytest

from tallygate.schemas.codec import decode, encode
from tallygate.schemas.generate import (
    EXAMPLES_DIR,
    JSON_DIR,
    MODELS,
    RELEASED_DIR,
    example_name,
    main,
    schema_name,
    schema_texts,
    write,
)
from tallygate.schemas.model import Record
from tallygate.schemas.topics import TOPICS

each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


def test_every_topic_has_a_schema() -> None:
    assert {topic.model for topic in TOPICS} <= set(MODELS)


def test_committed_schemas_are_those_of_the_models() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in JSON_DIR.iterdir()}
    assert committed == schema_texts(), "run `make schemas`"


def test_no_example_is_left_over() -> None:
    assert {path.name for path in EXAMPLES_DIR.iterdir()} == {example_name(model) for model in MODELS}


@each_model
def test_example_fits_model_and_schema(model: type[Record]) -> None:
    import jsonschema  # type: ignore[import-untyped]

    text = (EXAMPLES_DIR / example_name(model)).read_bytes()
    schema = json.loads((JSON_DIR / schema_name(model)).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))
    # It shows every field, and comes back as it was.
    assert json.loads(encode(decode(model, text))) == json.loads(text)


@each_model
def test_a_schema_refuses_what_the_model_refuses(model: type[Record]) -> None:
    import jsonschema

    example = json.loads((EXAMPLES_DIR / example_name(model)).read_bytes())
    schema = json.loads((JSON_DIR / schema_name(model)).read_text(encoding="utf-8"))
    name = next(iter(example))
    bad = {**example, name: ["not", "this"]}
    assert not jsonschema.Draft202012Validator(schema).is_valid(bad)
    with pytest.raises(ValueError, match=name):
        decode(model, json.dumps(bad).encode())


def test_the_example_call_is_the_priced_example_response() -> None:
    from tallygate.schemas.events import ResponseEvent
    from tallygate.schemas.records import Call
    from tallygate.stream_processors.pricing import Pricer

    event = decode(ResponseEvent, (EXAMPLES_DIR / "ResponseEvent.v1.json").read_bytes())
    call = decode(Call, (EXAMPLES_DIR / "Call.v1.json").read_bytes())
    assert Pricer().price(event).model_dump(exclude={"price_ref"}) == call.model_dump(exclude={"price_ref"})


def test_writing_removes_schemas_of_models_that_are_gone(tmp_path: Path) -> None:
    (tmp_path / "Gone.v1.schema.json").write_text("{}")
    write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(schema_texts())


def test_the_command_changes_nothing_that_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_bytes() for path in [*JSON_DIR.iterdir(), *RELEASED_DIR.iterdir()]}
    monkeypatch.setattr("sys.argv", ["generate"])
    main()
    assert {path: path.read_bytes() for path in before} == before
