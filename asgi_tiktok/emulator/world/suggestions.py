"""Suggestions for unknown names."""

import difflib
from collections.abc import Collection

__all__ = ["suggestion"]


def suggestion(name: str, known: Collection[str]) -> str:
    """Return the end of an error message: the closest known name, or all known names."""
    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else f"use one of {', '.join(known)}."
