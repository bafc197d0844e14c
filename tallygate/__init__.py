"""Tallygate: an AI gateway that accounts for every call."""

__version__ = "0.1.0"
