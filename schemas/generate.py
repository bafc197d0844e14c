"""Writes the JSON Schemas from the models: `python -m tallygate.schemas.generate`.

`schemas/json/` follows the models (a test holds them together). `schemas/released/` is what the last release
had, which may not be broken; `--release` makes it a copy of the present ones.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from tallygate.schemas.call import Attempt, Body, Origin
from tallygate.schemas.model import Record
from tallygate.schemas.records import Firing, Tokens
from tallygate.schemas.rules import CallHook, Channel, PriceOverride, Rule
from tallygate.schemas.topics import TOPICS
from tallygate.schemas.totals import PeriodSums, RuleProgress
from tallygate.schemas.webhooks import AlertWebhook, CallWebhook, PingWebhook

HERE = Path(__file__).parent
JSON_DIR = HERE / "json"
RELEASED_DIR = HERE / "released"
EXAMPLES_DIR = HERE / "examples"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

PARTS: tuple[type[Record], ...] = (Attempt, Body, Firing, Origin, PeriodSums, RuleProgress, Tokens)
"""Of records; none is a message by itself."""
CONTROLS = (Rule, Channel, CallHook, PriceOverride)
"""What people set: the admin API gives it, processors follow it."""
WEBHOOKS = (AlertWebhook, CallWebhook, PingWebhook)
"""What receivers of webhooks parse."""
MODELS: tuple[type[Record], ...] = (*(topic.model for topic in TOPICS), *PARTS, *CONTROLS, *WEBHOOKS)


def version_of(model: type[Record]) -> int:
    """The version of a record's schema; a part of records has none of its own and counts as 1."""
    field = model.model_fields.get("schema_version")
    return 1 if field is None else int(field.default)


def schema_name(model: type[Record]) -> str:
    """File name of a model's schema."""
    return f"{model.__name__}.v{version_of(model)}.schema.json"


def example_name(model: type[Record]) -> str:
    """File name of a model's example."""
    return f"{model.__name__}.v{version_of(model)}.json"


def schema_texts() -> Mapping[str, str]:
    """Every schema file's name and text."""
    return {schema_name(model): _text(model) for model in MODELS}


def _text(model: type[Record]) -> str:
    schema = {"$schema": DIALECT, **model.model_json_schema()}
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(directory: Path) -> None:
    """Make a directory hold exactly the present schemas."""
    directory.mkdir(exist_ok=True)
    texts = schema_texts()
    for stale in directory.glob("*.schema.json"):
        if stale.name not in texts:
            stale.unlink()
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Write the JSON Schemas from the models.")
    parser.add_argument("--release", action="store_true", help="also make them the released ones")
    write(JSON_DIR)
    if parser.parse_args().release:
        write(RELEASED_DIR)


if __name__ == "__main__":
    main()
