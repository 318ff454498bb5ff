"""The output of a command, on any terminal, file or pipe."""

import os
import sys
from contextlib import suppress
from typing import TextIO

from asgi_tiktok.errors import ConfigurationError

PLAIN = str.maketrans({"✓": "+", "✗": "x", "—": "-", "…": "..."})


def write(text: str) -> None:
    """Print the text on stdout, also on a terminal that supports only ASCII.

    Raises BrokenPipeError if the reader has ended, as `head` does, and ConfigurationError if it cannot be written.
    """
    try:
        write_to(sys.stdout, text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ConfigurationError(
            f"The output cannot be written ({error.strerror}); send it to a terminal, a pipe or another file."
        ) from None


def write_error(text: str) -> None:
    """Print the text on stderr. If stderr cannot be written either, there is no place for a message."""
    with suppress(OSError):
        write_to(sys.stderr, text)


def write_to(stream: TextIO | None, text: str) -> None:
    if stream is None:  # the caller has closed it
        return
    try:
        print(printable(text, stream.encoding), file=stream, flush=True)
    except OSError:
        # Otherwise the interpreter would try to write the rest once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise


def printable(text: str, encoding: str | None) -> str:
    """Return the text with other characters for those that the encoding lacks."""
    encoding = encoding or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(PLAIN).encode(encoding, "replace").decode(encoding)
    return text
