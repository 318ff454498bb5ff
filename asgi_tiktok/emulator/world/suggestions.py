"""What somebody who wrote a name that does not exist may have meant."""

import difflib
from collections.abc import Collection

__all__ = ["suggestion"]


def suggestion(name: str, known: Collection[str]) -> str:
    """The closest known name, or all of them, to go on a sentence with."""
    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
