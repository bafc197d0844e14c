"""The outbox: events on local disk before the caller has the last byte.

A directory per edge worker, holding its lasting `edge_id` and append-only segment files; see `segment` for
the format, `writer` for the rules of writing, `reader` for following it, `retention` for deleting.
"""
