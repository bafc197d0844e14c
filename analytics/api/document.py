"""The OpenAPI 3.1 document, made of the table of operations and their models."""

import functools
import re
from collections.abc import Iterable, Sequence
from importlib import metadata
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel, RootModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from tallygate.analytics.api.operation import JSON, Operation
from tallygate.analytics.api.table import OPERATIONS
from tallygate.analytics.models import ErrorAnswer
from tallygate.control.access.needs import Need, needs
from tallygate.schemas.call import Outcome
from tallygate.schemas.filters import Filter

REFERENCE = "#/components/schemas/{model}"
_IN_PATH = re.compile(r"\{(\w+)\}")
_TEXT_FILTERS = {
    "model": "Model that answered.",
    "provider": "Provider that answered.",
    "user": "End user.",
    "session": "Session.",
    "key": "Public id of the gateway key.",
    "endpoint": "API operation, as chat/completions.",
    "status": "HTTP status as 429, or a class as 4xx.",
}
_INTRODUCTION = """
Every question about calls. Money is in integer nano-dollars (1 USD is 1 000 000 000) and, as text, in exact
US dollars; times are ISO 8601 in UTC; a call whose price is not known counts as `unpriced` and adds nothing
to cost.

Reports are about a period (`from`, `to`; by default the last 30 days) and take these filters, several of one
name being alternatives: `model`, `provider`, `user`, `session`, `key`, `endpoint`, `status`, `outcome`,
`property.<name>` (a custom property), and `filter`, a tree of conditions as JSON. Errors have one shape,
`ErrorAnswer`, whose `param` names what is wrong.
"""


class FilterTree(RootModel[Filter]):
    """A tree of conditions."""


@needs(Need.SIGNED_IN)
async def get_document(_request: web.Request) -> web.Response:
    """`GET /api/v1/openapi.json`."""
    return web.Response(body=_encoded(), content_type=JSON)


@functools.cache
def _encoded() -> bytes:
    return orjson.dumps(document(OPERATIONS))


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The document of these operations."""
    schemas, components = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _told(operation, schemas)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Tallygate query API",
            "version": metadata.version("tallygate"),
            "description": _INTRODUCTION.strip(),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {"schemas": components, "parameters": _shared_parameters()},
    }


_Schemas = dict[tuple[type[BaseModel], JsonSchemaMode], dict[str, Any]]


def _schemas(operations: Iterable[Operation]) -> tuple[_Schemas, dict[str, Any]]:
    """The reference of every model that is sent or answered, and all that they refer to."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (ErrorAnswer, "serialization"),
        (FilterTree, "validation"),
    ]
    for operation in operations:
        if operation.body is not None:
            models.append((operation.body, "validation"))
        if operation.answer is not None:
            models.append((operation.answer, "serialization"))
    found, definitions = models_json_schema(
        list(dict.fromkeys(models)), by_alias=True, ref_template=REFERENCE
    )
    components = dict(definitions["$defs"])
    for operation in operations:
        query = operation.query.model_json_schema(by_alias=True, ref_template=REFERENCE)
        components |= query.get("$defs", {})
    return dict(found), components  # type: ignore[arg-type]


def _told(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        content: dict[str, Any] = {"schema": schemas[operation.body, "validation"]}
        if operation.example is not None:
            content["example"] = operation.example
        told["requestBody"] = {"required": True, "content": {JSON: content}}
    return told


def _responses(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    content = {type_: {"schema": {"description": text}} for type_, text in operation.media.items()}
    if operation.answer is not None:
        content[JSON] = {"schema": schemas[operation.answer, "serialization"]}
    wrong = {"application/json": {"schema": schemas[ErrorAnswer, "serialization"]}}
    responses: dict[str, Any] = {str(operation.status): {"description": "The answer."}}
    if content:
        responses[str(operation.status)]["content"] = content
    reasons = {"400": "A parameter, or the body, is wrong; `param` names it."}
    if _IN_PATH.search(operation.path):
        reasons["404"] = "There is no such thing in this project."
    if operation.body is not None:
        reasons |= {"413": "The body is too large.", "415": "The body is not sent as JSON."}
    reasons["503"] = "The store can't be reached, or too many queries wait: try again soon."
    return responses | {code: {"description": reason, "content": wrong} for code, reason in reasons.items()}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _IN_PATH.findall(operation.path)
    ]
    schema = operation.query.model_json_schema(by_alias=True, ref_template=REFERENCE)
    own = [_parameter(name, each, schema) for name, each in schema.get("properties", {}).items()]
    shared = _shared_parameters() if operation.scoped else {}
    return [*in_path, *own, *({"$ref": f"#/components/parameters/{name}"} for name in shared)]


def _parameter(name: str, schema: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    parameter = {"name": name, "in": "query", "required": name in model.get("required", [])}
    description = schema.pop("description", None)
    return parameter | ({"description": description} if description else {}) | {"schema": schema}


def _shared_parameters() -> dict[str, Any]:
    """Period and filters."""
    several: dict[str, Any] = {"style": "form", "explode": True}
    text = {"type": "string"}
    time = "ISO 8601, or an epoch number in seconds, milliseconds or microseconds."
    shared: dict[str, dict[str, Any]] = {
        "from": {"description": f"Beginning of the period. {time}", "schema": text},
        "to": {"description": f"End of the period, excluded. {time}", "schema": text},
        "filter": {
            "description": "A tree of conditions, on top of the other filters.",
            "content": {JSON: {"schema": {"$ref": REFERENCE.format(model=FilterTree.__name__)}}},
        },
    }
    for name, description in _TEXT_FILTERS.items():
        shared[name] = {"description": description, "schema": {"type": "array", "items": text}, **several}
    outcomes = {"type": "string", "enum": [outcome.value for outcome in Outcome]}
    shared["outcome"] = {
        "description": "How the call ended.",
        "schema": {"type": "array", "items": outcomes},
        **several,
    }
    return {name: {"name": name, "in": "query", **told} for name, told in shared.items()}
