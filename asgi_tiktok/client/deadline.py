"""A deadline for a request whose response may exist nowhere else."""

import asyncio
import math
from collections.abc import Coroutine
from typing import Any, TypeVar

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.event_loop import running_loop

T = TypeVar("T")

TICK = 0.5  # seconds


async def wait_for(task: asyncio.Task[Any], seconds: float) -> None:
    """Wait until the task is done, or for this time. The task is never cancelled.

    Only the time counts in which this process runs. If the process is suspended for a while, the response has
    arrived when it continues. A wall clock would report a timeout and discard that response; during a refresh, this
    would lose the new refresh token, although the old one is used up.
    """
    ticks = math.ceil(seconds / TICK)
    for _ in range(ticks):
        await asyncio.wait({task}, timeout=seconds / ticks)
        if task.done():
            return


async def with_deadline(request: Coroutine[Any, Any, T], seconds: float) -> T:
    """Return the result of the request, or cancel it and raise TimeoutError. Time counts as in `wait_for`."""
    try:
        loop = running_loop()
    except ConfigurationError:
        request.close()
        raise
    # In the same task, because another task would cost several turns of the event loop.
    async with asyncio.timeout(None) as timeout:
        countdown = Countdown(loop, timeout, seconds)
        try:
            return await request
        finally:
            countdown.timer.cancel()


class Countdown:
    """Ends a timeout when this process has run for a number of seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout: asyncio.Timeout, seconds: float) -> None:
        self.loop = loop
        self.timeout = timeout
        self.ticks = math.ceil(seconds / TICK)
        self.pause = seconds / self.ticks
        self.timer = loop.call_later(self.pause, self.tick)

    def tick(self) -> None:
        """Called once in each pause. Ticks that were due while the process was suspended count as one."""
        self.ticks -= 1
        if self.ticks:
            self.timer = self.loop.call_later(self.pause, self.tick)
        else:
            self.timeout.reschedule(self.loop.time())
