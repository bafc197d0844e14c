"""JSON mode without a schema, for models that can only be told."""

from tallygate.edge.dialects.common.request import Request

INSTRUCTION = (
    "Answer with one JSON object and nothing else: no explanation before or after it, no code fence."
)


def instruction(request: Request) -> str | None:
    """What to tell the model, if the caller asked for JSON without a schema."""
    return INSTRUCTION if request.format is not None and request.format.schema is None else None
