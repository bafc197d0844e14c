"""Lively traffic for people who want to see the gateway work before they give it a key."""
