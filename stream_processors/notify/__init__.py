"""Telling people and systems: alerts and records of calls, by webhook, Slack and e-mail."""
