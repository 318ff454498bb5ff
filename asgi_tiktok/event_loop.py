"""The event loop of asyncio, which sign-ins, stores and requests to TikTok need."""

import asyncio
import logging
from asyncio.events import _get_running_loop
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from asgi_tiktok.errors import ConfigurationError

logger = logging.getLogger("asgi_tiktok")

T = TypeVar("T")


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running event loop of asyncio. Raises ConfigurationError if the app runs on trio."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "Sign-ins, stores and requests to TikTok need asyncio, but the app runs on another event loop.",
            hint="Start the server with asyncio instead of trio, for example: hypercorn --worker-class asyncio.",
        ) from None


current_loop: Callable[[], asyncio.AbstractEventLoop | None] = _get_running_loop
"""Return the running event loop of asyncio, or None if there is none, as on trio."""


class ShieldedTasks:
    """Work that must end although its caller has gone. `aclose` waits for it for `grace` seconds."""

    def __init__(self, grace: float) -> None:
        self.grace = grace
        self.running: set[asyncio.Task[Any]] = set()
        self.in_progress = 0  # of those that the caller counts

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of the work. If the caller is cancelled, the work goes on.

        Raises ConfigurationError without asyncio.
        """
        try:
            loop = running_loop()
        except ConfigurationError:
            work.close()
            raise
        task = loop.create_task(work)
        self.running.add(task)
        task.add_done_callback(self._on_done)
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Wait for the work that runs in this event loop."""
        loop = running_loop()
        if tasks := {task for task in self.running if task.get_loop() is loop}:
            await asyncio.wait(tasks, timeout=self.grace)

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self.running.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved here, in case the caller has gone


async def close_within(seconds: float, *closing: Callable[[], Awaitable[None]]) -> None:
    """Call all functions at the same time, and cancel those that take too long."""
    tasks = [asyncio.ensure_future(close()) for close in closing]
    done, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    if late:
        logger.warning("connections dropped at shutdown, because closing them took longer than %s seconds", seconds)
    for task in done:
        task.result()
