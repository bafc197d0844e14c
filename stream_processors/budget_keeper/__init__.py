"""`tallygate budgets`: evaluates the rules of the distributed run, over the sums that workers keep in Kafka.

`leadership` says which of several processes does it, `codec` is how states travel, `keeper` is the loop,
`process` the entry point.
"""
