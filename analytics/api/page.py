"""`GET /api/v1/docs`: the OpenAPI document for people, as plain HTML: no script, nothing from elsewhere."""

import functools
import re
from collections.abc import Iterator
from html import escape
from typing import Any

import orjson
from aiohttp import web

from tallygate.analytics.api.document import document
from tallygate.analytics.api.table import OPERATIONS
from tallygate.control.access.needs import Need, needs

_CODE = re.compile(r"`([^`]+)`")


@needs(Need.SIGNED_IN)
async def get_docs(_request: web.Request) -> web.Response:
    """The page."""
    return web.Response(text=_page(), content_type="text/html")


@functools.cache
def _page() -> str:
    return render(document(OPERATIONS))


def render(told: dict[str, Any]) -> str:
    """The document as a page."""
    return "\n".join(_lines(told))


def _lines(told: dict[str, Any]) -> Iterator[str]:
    title = escape(told["info"]["title"])
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield f'<title>{title}</title><link rel="stylesheet" href="/assets/docs.css"></head><body><main>'
    yield f"<h1>{title} {escape(told['info']['version'])}</h1>"
    for paragraph in told["info"]["description"].split("\n\n"):
        marked = _CODE.sub(r"<code>\1</code>", escape(paragraph))
        yield f"<p>{marked}</p>"
    yield '<p><a href="/api/v1/openapi.json">openapi.json</a></p>'
    shared = told["components"]["parameters"]
    yield "<h2>Period and filters</h2>"
    yield from _parameters(list(shared.values()))
    for tag in told["tags"]:
        yield f"<h2>{escape(tag['name'])}</h2>"
        for path, methods in told["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(method, path, operation)
    yield "<h2>Models</h2>"
    for name, schema in sorted(told["components"]["schemas"].items()):
        yield f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p>'
        yield from _fields(schema)
    yield "</main></body></html>"


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    name = escape(operation["operationId"])
    yield f'<section id="{name}"><h3><code>{method.upper()} {escape(path)}</code></h3>'
    yield f"<p>{escape(operation['summary'])}.</p>"
    own = [each for each in operation["parameters"] if "$ref" not in each]
    yield from _parameters(own)
    if len(own) < len(operation["parameters"]):
        yield "<p>Takes a period and filters.</p>"
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield f"<p>Body: {_type(content['schema'])}</p>"
        if "example" in content:
            example = orjson.dumps(content["example"], option=orjson.OPT_INDENT_2).decode()
            yield f"<pre>{escape(example)}</pre>"
    for status, response in operation["responses"].items():
        kinds = [
            f"{escape(media)} {_type(content['schema'])}"
            for media, content in response.get("content", {}).items()
        ]
        yield f"<p>{status}: {escape(response['description'])} {', '.join(kinds)}</p>"
    yield "</section>"


def _parameters(parameters: list[dict[str, Any]]) -> Iterator[str]:
    if parameters:
        rows = ((each["name"], each.get("schema", {}), each.get("description", "")) for each in parameters)
        yield from _table(rows)


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    properties = schema.get("properties", {})
    if properties:
        yield from _table((name, each, each.get("description", "")) for name, each in properties.items())


def _table(rows: Any) -> Iterator[str]:
    yield "<table><thead><tr><th>name</th><th>type</th><th></th></tr></thead><tbody>"
    for name, schema, description in rows:
        yield (
            f"<tr><td><code>{escape(name)}</code></td><td>{_type(schema)}</td>"
            f"<td>{escape(description)}</td></tr>"
        )
    yield "</tbody></table>"


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(_type(each) for each in schema[word])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    kind = schema.get("type", "")
    words = escape(", ".join(kind) if isinstance(kind, list) else str(kind))
    if kind == "array":
        words += f" of {_type(schema.get('items', {}))}"
    if "default" in schema and schema["default"] is not None:
        words += f", default <code>{escape(str(schema['default']))}</code>"
    return words
