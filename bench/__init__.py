"""Benchmarks: `make bench`. Each prints what it measured and how, and compares arms within one run."""
