"""A clock that can be moved."""

from collections.abc import Callable

__all__ = ["Clock"]

MIN_TIME, MAX_TIME = 0.0, 250_000_000_000.0  # seconds since 1970; the year 9892 leaves room for lifetimes


class Clock:
    """A clock with an offset. Calling it returns seconds since 1970.

    Attributes:
        offset (float): The difference to the source, in seconds.
    """

    def __init__(self, source: Callable[[], float]) -> None:
        self._source = source
        self.offset: float = 0.0

    def __call__(self) -> float:
        return self._source() + self.offset

    def move(self, seconds: float) -> float:
        """Move the clock by `seconds`, back if negative, and return the new time.

        Raises:
            ValueError: The clock would leave the years 1970 to 9892.
        """
        moved = self() + seconds
        if not MIN_TIME <= moved <= MAX_TIME:
            raise ValueError(f"{seconds} s would move the clock outside the years 1970 to 9892; move it by less.")
        self.offset += seconds
        return moved

    def reset(self) -> None:
        """Return to the time of the source."""
        self.offset = 0.0
