"""The benchmarks: what the product costs beside simpler things on the same machine, in the same minutes."""
