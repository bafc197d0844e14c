"""The gateway's headers as the edge hands them to its parsers."""

from tallygate.edge.labels import GatewayHeader


def gateway_headers(**values: str) -> dict[str, GatewayHeader]:
    """`gateway_headers(retry_num="3")` is what `Tallygate-Retry-Num: 3` becomes."""
    names = {name: name.replace("_", "-") for name in values}
    return {names[name]: GatewayHeader(f"Tallygate-{names[name]}", value) for name, value in values.items()}
