"""The Faust worker: `price` and `usage` as thin agents over the pure processors.

Faust brings messages, in order, and remembers how far they are dealt with. It does not keep state: measured
against a killed worker and a rebalance, that is safer in the totals' own compacted topic, written in one
transaction and read back by whoever owns the partition next (`totals_log`).
"""
