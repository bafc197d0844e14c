"""Captured bodies to readable text: of a stream, the one message that its events add up to. Pure."""

from tallygate.schemas.assemble.body import readable_request, readable_response

__all__ = ["readable_request", "readable_response"]
