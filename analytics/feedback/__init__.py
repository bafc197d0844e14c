"""What people and programs say of calls: ratings and scores. Written by the API, straight to ClickHouse.

A word has a key: call and author of a rating, call and name of a score. Given again it replaces what was said
before, so that a repeated request changes nothing.
"""
