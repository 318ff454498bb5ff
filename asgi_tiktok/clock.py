"""The clocks of this machine and of others."""

import time
from collections.abc import Callable
from functools import partial

CLOCK_SKEW = 60  # seconds that the clocks of two machines may differ

# On Linux, the monotonic clock of Python stops while the machine is suspended. On macOS, CLOCK_MONOTONIC does not.
_COUNTS_SUSPENSION = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))

uptime: Callable[[], float] = (
    time.monotonic if _COUNTS_SUSPENSION is None else partial(time.clock_gettime, _COUNTS_SUSPENSION)
)
"""Return the seconds since some moment in the past. Time in which the machine is suspended counts, too."""


def is_recent(moment: float, seconds: float) -> bool:
    """Return whether the moment is less than so many seconds ago, or in the future by another machine's clock."""
    return -CLOCK_SKEW <= time.time() - moment < seconds
