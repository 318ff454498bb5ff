"""The clock of the emulator: it runs by itself, and can be moved."""

from collections.abc import Callable

__all__ = ["Clock"]

MIN_TIME, MAX_TIME = 0.0, 250_000_000_000.0  # seconds since 1970; the year 9892, so that lifetimes still fit a date


class Clock:
    """A source of time with an offset; calling it gives seconds since 1970."""

    def __init__(self, source: Callable[[], float]) -> None:
        self._source = source
        self.offset = 0.0

    def __call__(self) -> float:
        return self._source() + self.offset

    def move(self, seconds: float) -> float:
        """Move by so many seconds, back when negative; the new time."""
        moved = self() + seconds
        if not MIN_TIME <= moved <= MAX_TIME:
            raise ValueError(f"Moving the clock by {seconds} s would leave the calendar; move it by less.")
        self.offset += seconds
        return moved

    def reset(self) -> None:
        """Back to the source's own time."""
        self.offset = 0.0
