"""The shipper: carries the outboxes of a machine to Kafka, and budgets back, in a process beside the edges.

`batches` groups records into messages, `oversize` deals with what is too long, `positions` remembers how far
it is, `shipper` is the loop, `budgets` the way back, `process` the entry point.
"""

from tallygate.edge.shipper.process import run

__all__ = ["run"]
