"""Wait for another thread or process."""

import time
from collections.abc import Callable

TIMEOUT = 60  # seconds


def wait_until(
    is_ready: Callable[[], bool], *, timeout: float = TIMEOUT, explain: Callable[[], str] = lambda: "not ready"
) -> None:
    """Call `is_ready` until it returns True. After `timeout` seconds, fail with the message of `explain`."""
    deadline = time.monotonic() + timeout
    while not is_ready():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.02)
