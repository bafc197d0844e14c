"""Anthropic Messages, as a caller's and as a provider's dialect."""
