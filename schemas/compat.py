"""Whether a changed schema still fits the messages and the programs that are out there. Pure.

Two sides can break: a new program reading old messages, and, during an upgrade, an old program reading new
ones. Old programs ignore fields that they do not know. A wider enum is allowed: consumers are upgraded
before producers.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_RAISED = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_LOWERED = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """What breaks if `old` (a JSON Schema as pydantic writes it) becomes `new`; empty if nothing does."""
    return list(_compare("", old, new, old.get("$defs", {}), new.get("$defs", {})))


def _compare(at: str, old: Schema, new: Schema, old_defs: Schema, new_defs: Schema) -> Iterator[str]:
    before, after = _kinds(old, old_defs), _kinds(new, new_defs)
    name = at or "record"
    if before.keys() != after.keys():
        yield f"{name}: type {_listed(before)} became {_listed(after)}"
    for kind in before.keys() & after.keys():
        one, other = before[kind], after[kind]
        yield from _limits(name, one, other)
        if kind == "object":
            yield from _fields(at, one, other, old_defs, new_defs)
        if kind == "array":
            yield from _compare(f"{at}[]", one.get("items", {}), other.get("items", {}), old_defs, new_defs)


def _fields(at: str, old: Schema, new: Schema, old_defs: Schema, new_defs: Schema) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in before.keys() - after.keys():
        yield f"{at}.{name}".lstrip(".") + ": removed"
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{at}.{name}".lstrip(".") + ": now required"
    for name in before.keys() & after.keys():
        yield from _compare(f"{at}.{name}".lstrip("."), before[name], after[name], old_defs, new_defs)
    yield from _compare(f"{at}{{}}", _values(old), _values(new), old_defs, new_defs)


def _values(schema: Schema) -> Schema:
    """Schema of an object's further fields."""
    values = schema.get("additionalProperties")
    return values if isinstance(values, dict) else {}


def _limits(name: str, old: Schema, new: Schema) -> Iterator[str]:
    allowed, still = _choices(old), _choices(new)
    if still is not None and (allowed is None or not allowed <= still):
        lost = "any value" if allowed is None else ", ".join(sorted(map(repr, allowed - still)))
        yield f"{name}: no longer allows {lost}"
    for limit in (*_RAISED, *_LOWERED):
        was, now = old.get(limit), new.get(limit)
        if now is None or now == was:
            continue
        if was is None or (now > was) == (limit in _RAISED):
            yield f"{name}: {limit} {was} became {now}"


def _choices(schema: Schema) -> set[Any] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def _kinds(schema: Schema, defs: Schema) -> dict[str, Schema]:
    """The JSON types that a schema allows, each with its part of the schema."""
    schema = _resolved(schema, defs)
    if "anyOf" in schema:
        return {kind: part for choice in schema["anyOf"] for kind, part in _kinds(choice, defs).items()}
    return {str(schema.get("type", "any")): schema}


def _resolved(schema: Schema, defs: Schema) -> Schema:
    while "$ref" in schema:
        schema = defs[schema["$ref"].rpartition("/")[2]]
    return schema


def _listed(kinds: Mapping[str, Schema]) -> str:
    return " or ".join(sorted(kinds))
