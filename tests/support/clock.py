"""A clock that a test can move."""

import time


class Clock:
    """Returns the real time plus an offset, which the test changes."""

    def __init__(self) -> None:
        self.real_time = time.time
        self.offset = 0.0

    def __call__(self) -> float:
        return self.real_time() + self.offset

    def advance(self, seconds: float = 0, *, hours: float = 0, days: float = 0) -> None:
        self.offset += seconds + 3600 * hours + 86400 * days

    def set(self, timestamp: float) -> None:
        self.offset = timestamp - self.real_time()
