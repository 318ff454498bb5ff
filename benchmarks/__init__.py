"""Measurements that take too long for tests. `python -m benchmarks` lists them."""
