"""Checks of the types. mypy and pyright read these files, and nothing runs them."""
