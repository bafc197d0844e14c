"""`docs/configuration.md`, written from the settings' own types and descriptions."""

import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from tallygate.runtime.config import Settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"

INTRODUCTION = """\
# Configuration

Settings come from the environment and from the YAML file that `TALLYGATE_CONFIG` names; the environment wins.
`tallygate check` tells what is wrong with them and what can't be reached. In YAML a setting of a section is
nested below it:

```yaml
edge_port: 8080
outbox:
  full_policy: refuse
providers:
  openai:
    base_url: https://api.openai.com/v1
```

This page is written by `make reference` from the settings' own descriptions.
"""


def page() -> str:
    """The whole page."""
    top = [(name, field) for name, field in Settings.model_fields.items() if _section(field) is None]
    parts = [INTRODUCTION, _table("Settings", "", top)]
    for name, field in Settings.model_fields.items():
        section = _section(field)
        if section is None:
            continue
        keyed = get_origin(field.annotation) is dict
        prefix = f"{name}.<name>" if keyed else name
        parts.append(_table(f"`{prefix}`", prefix, list(section.model_fields.items()), section.__doc__ or ""))
    return "\n".join(parts)


def _table(title: str, prefix: str, fields: list[tuple[str, FieldInfo]], about: str = "") -> str:
    rows = [_row(prefix, name, field) for name, field in fields]
    head = "| setting | environment | default | meaning |\n|---|---|---|---|"
    text = f"{about.strip()}\n\n" if about else ""
    return f"## {title}\n\n{text}{head}\n" + "\n".join(rows) + "\n"


def _row(prefix: str, name: str, field: FieldInfo) -> str:
    path = f"{prefix}.{name}" if prefix else name
    variable = "TALLYGATE_" + path.upper().replace(".", "__")
    meaning = " ".join((field.description or "").split())
    return f"| `{path}` | `{variable}` | {_default(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "see text"
    value = field.default
    if value is None or (isinstance(value, SecretStr) and not value.get_secret_value()):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value) or "none"
    return f"`{value}`"


def _section(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that is a section, or a mapping of names to sections."""
    return next((kind for kind in _types(field.annotation) if issubclass(kind, BaseModel)), None)


def _types(annotation: Any) -> Iterator[type]:
    if get_origin(annotation) in (dict, Union, types.UnionType):
        for argument in get_args(annotation):
            yield from _types(argument)
    elif isinstance(annotation, type):
        yield annotation


if __name__ == "__main__":
    PAGE.write_text(page())
