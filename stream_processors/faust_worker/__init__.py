"""The Faust worker: `price` and `usage` as thin agents over the pure processors.

Faust brings messages, in order, and remembers how far they are dealt with. It keeps no state here, that is,
no Faust tables: a table's changelog has no fence against a worker that was thought dead, an error while it is
read back is only logged, and a batch of totals is not written as one. The totals live in their own compacted
topic instead, written in transactions by whoever holds the partition, and read back by the next one
(`totals_log`).
"""
