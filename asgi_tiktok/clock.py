"""The clocks of several machines."""

import time

CLOCK_SKEW = 60  # seconds that the clocks of two machines may differ


def is_recent(moment: float, seconds: float) -> bool:
    """Return whether the moment is less than so many seconds ago, or in the future by another machine's clock."""
    return -CLOCK_SKEW <= time.time() - moment < seconds
