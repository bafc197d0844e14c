"""Reports over the calls of a period: each file has what one asks, what it answers, and how it is read.

Sums are asked for in two steps, inner groups as a projection of `call_log` holds them and outer ones as they
are wanted, so that ClickHouse answers them without reading calls wherever filters allow it: `sums`.
"""
