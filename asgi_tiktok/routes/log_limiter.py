"""Log lines that visitors cause: so many of a kind in a minute, and then only their number."""

import logging
import time

MOST = 30  # lines of one kind in one window
WINDOW = 60  # seconds
MOST_KINDS = 200


class FloodGate:
    """Logs to one logger, so that nobody fills the disk by asking for nonsense.

    What is held back is still logged where the logger is at DEBUG.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger
        self.counts: dict[str, tuple[float, int]] = {}

    def log(self, level: int, kind: str, message: str, *args: object) -> None:
        """Log, unless there were too many of this kind just now; the first of a new window tells how many."""
        now = time.monotonic()
        began, count = self.counts.get(kind, (now, 0))
        if now - began >= WINDOW:
            if count > MOST:
                self.logger.log(level, "%s more of %s were not logged", count - MOST, kind)
            began, count = now, 0
        if len(self.counts) >= MOST_KINDS:
            self.counts.clear()
        self.counts[kind] = (began, count + 1)
        if count < MOST or self.logger.isEnabledFor(logging.DEBUG):
            self.logger.log(level, message, *args)
        elif count == MOST:
            self.logger.log(level, "too many of %s: for a minute they are only counted, unless at DEBUG", kind)
