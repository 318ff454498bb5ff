"""A deadline for an answer that may exist nowhere else."""

import asyncio
import math
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

TICK = 0.5  # seconds


async def in_time(request: Coroutine[Any, Any, T], seconds: float) -> T:
    """What the request returns; TimeoutError, and the request cancelled, when that took too long.

    Counted are the seconds in which this process ran. One that was stopped for a while finds the answer
    waiting when it goes on, where a clock would only find the time over: for a refresh that would mean a
    refresh token spent and its successor thrown away.
    """
    task = asyncio.ensure_future(request)
    ticks = math.ceil(seconds / TICK)
    try:
        for _ in range(ticks):
            await asyncio.wait({task}, timeout=seconds / ticks)
            if task.done():
                return task.result()
        raise TimeoutError
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
