"""JSON answers of Claude.

A schema goes to `output_config.format` where the model has it, else to a tool that the model must call,
whose input is then shown to the caller as the answer's text. JSON mode without a schema has no counterpart:
structured output knows closed objects only, and a forced tool excludes thinking; so the model is
told (`common/json_mode.py`).
"""

from tallygate.edge.dialects.common.read import Json
from tallygate.edge.dialects.common.request import JsonFormat
from tallygate.edge.dialects.common.tools import sealed

JSON_TOOL = "json_answer"


def output_format(wanted: JsonFormat) -> Json:
    """`output_config.format`."""
    return {"type": "json_schema", "schema": sealed(wanted.schema)}


def json_tool(wanted: JsonFormat) -> Json:
    """The tool whose input is the answer."""
    description = wanted.description or "Give the final answer."
    return {"name": JSON_TOOL, "description": description, "input_schema": wanted.schema}
