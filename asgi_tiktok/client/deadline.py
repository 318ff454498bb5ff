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
        task = running_loop().create_task(request)
    except ConfigurationError:
        request.close()
        raise
    try:
        await wait_for(task, seconds)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            # Retrieved, because asyncio would log an error that is not, with all frames of the request.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.wait({task})
