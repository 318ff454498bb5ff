"""Figures that tests are too short for; `python -m benchmarks` lists them."""
