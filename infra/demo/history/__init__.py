"""A month of made-up calls, written straight into the store: for trying out, and for benchmarks."""
