"""The log lines of `asgi-tiktok dev`: a label for the program, colours on a terminal, and no line for a picture."""

import logging
import os
import re
import sys
from typing import Any

COLOURS = {"app": "36", "dev": "35", "WARNING": "33", "ERROR": "31", "CRITICAL": "31"}
ASSET = re.compile(r"\.(avif|css|gif|ico|jpe?g|js|map|png|svg|webp|woff2?)$|/avatar$")


class LabelFormatter(logging.Formatter):
    """Writes the label, the level and the message, coloured if stderr is a terminal (https://no-color.org)."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self.label = label
        self.coloured = sys.stderr is not None and sys.stderr.isatty() and not os.environ.get("NO_COLOR")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- the name is that of logging
        """Return the line without a traceback."""
        return f"{self.painted(self.label, 3)}  {self.painted(record.levelname, 7)}  {record.message}"

    def painted(self, word: str, width: int) -> str:
        padded = f"{word:<{width}}"
        return f"\x1b[{COLOURS[word]}m{padded}\x1b[0m" if self.coloured and word in COLOURS else padded


class WithoutAssets(logging.Filter):
    """Drops uvicorn's line about a request for a picture, a style sheet or a script."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is printed."""
        arguments = record.args
        if not isinstance(arguments, tuple) or record.name != "uvicorn.access":
            return True
        return not ASSET.search(str(arguments[2]).partition("?")[0])


def log_config(label: str) -> dict[str, Any]:
    """Return the configuration of logging for a process whose lines have the label."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"label": {"()": LabelFormatter, "label": label}},
        "filters": {"assets": {"()": WithoutAssets}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "label", "filters": ["assets"]}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            # Hides the address that uvicorn prints, because `dev` prints it itself.
            "uvicorn.error": {"level": "WARNING"},
            # Not through the root logger, because Litestar replaces the root logger's handlers with its own.
            "uvicorn.access": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
        },
    }
