"""Calling providers over HTTP: a narrow interface, and the one place that knows the client behind it."""
