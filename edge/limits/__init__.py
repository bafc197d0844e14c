"""Rate limits: sliding windows, exact under concurrency across processes.

`policy` is the grammar, `window` the pure algorithm, `store` what a shared store of windows must do
(`lmdb_store` for the workers of one machine, `redis_store` for several), `limiter` what the edge calls.
"""
