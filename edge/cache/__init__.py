"""The cache of answers: asked for by header, shared by all workers, one provider call for identical calls.

`directives` and `key` say what a call wants and what it is; `entry` is what is stored, `store` where
(`lmdb_store` for the workers of one machine, `redis_store` for several); `cache` puts them together, with
single flight; `replay` turns a stored answer into the form that the caller asked for.
"""
