"""A limit on the log lines that visitors can cause."""

import logging
import time
from collections.abc import Mapping

MAX_LINES = 30  # of one kind in one window
WINDOW = 60  # seconds
MAX_KINDS = 200


class LogLimiter:
    """Logs at most 30 lines of one kind per minute, and then only their number, so that nobody can fill a disk.

    If the logger is at DEBUG, every line is logged.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger
        self.counts: dict[str, tuple[float, int]] = {}

    def log(
        self, level: int, kind: str, message: str, *args: object, extra: Mapping[str, object] | None = None
    ) -> None:
        """Log, unless there were too many of this kind in the current window."""
        now = time.monotonic()
        began, count = self.counts.get(kind, (now, 0))
        if now - began >= WINDOW:
            if count > MAX_LINES:
                self.logger.log(level, "log limit: %s more lines of %s were not logged", count - MAX_LINES, kind)
            began, count = now, 0
        if len(self.counts) >= MAX_KINDS:
            self.counts.clear()
        self.counts[kind] = (began, count + 1)
        if count < MAX_LINES or self.logger.isEnabledFor(logging.DEBUG):
            self.logger.log(level, message, *args, extra=extra)
        elif count == MAX_LINES:
            self.logger.log(level, "log limit: more lines of %s are counted, not logged, for up to a minute", kind)
