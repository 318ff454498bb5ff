"""A channel over a network: one subscription at a time, and echoes that prove that it works.

An echo is a number that is published through the connections that the store writes with, and received through the
subscription. A ping of the subscription would prove nothing, because after a failover it may be answered by a server
to which nobody writes any more.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol

from asgi_tiktok.clock import uptime
from asgi_tiktok.errors import StoreError
from asgi_tiktok.events.event import Event, count_event
from asgi_tiktok.stores.notices import Listener

logger = logging.getLogger("asgi_tiktok")

ECHOES_PER_BOUND = 4
BATCH = 20  # messages that are handled before other tasks of the event loop run
MAX_SILENCE = 4  # bounds after which an echo that did not come back ends the subscription
FIRST_PAUSE = 0.1  # seconds before the next subscription; doubled after each failure
MAX_PAUSE = 30  # seconds


class Subscription(Protocol):
    """An open subscription to the notices and echoes of one server."""

    async def receive(self) -> str | int:
        """Wait for the next message: the key of a record, or the number of an echo. Raises StoreError."""
        ...

    async def echo(self, number: int) -> None:
        """Publish the number through the connections that the store writes with. Raises StoreError."""
        ...


Subscribe = Callable[[], AbstractAsyncContextManager[Subscription]]


class EchoChannel:
    """Subscribes in a task of the running event loop, and again after each failure."""

    def __init__(self, subscribe: Subscribe, listener: Listener, bound: float) -> None:
        self.subscribe = subscribe
        self.listener = listener
        self.bound = bound
        self.sent: dict[int, float] = {}  # the echoes on their way, with the time of sending (`uptime`)
        self.failure: StoreError | None = None  # of the last echo
        self.pause: float = FIRST_PAUSE
        self.warned = False
        self.task = asyncio.create_task(self.run())

    async def aclose(self) -> None:
        """End the subscription."""
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    async def run(self) -> None:
        while not cancelled():
            try:
                async with self.subscribe() as subscription:
                    self.sent.clear()
                    self.failure = None
                    # Only what is read from now on is sure to be followed by its notices.
                    self.listener.reset()
                    await self.serve(subscription)
            except StoreError as error:
                self.warn(error)
            except Exception as error:  # A fault of a driver must not end the channel for ever.
                # Without its text and its traceback, which may hold secrets.
                self.warn(StoreError(f"A notice could not be handled: {type(error).__name__}.", hint=UNEXPECTED))
            finally:
                self.listener.reset()
            await asyncio.sleep(self.pause)
            self.pause = min(2 * self.pause, MAX_PAUSE)

    async def serve(self, subscription: Subscription) -> None:
        """Report what arrives until the subscription fails. Raises StoreError then."""
        parts = (self.receive(subscription), self.send_echoes(subscription), self.watch())
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def receive(self, subscription: Subscription) -> None:
        while True:
            for _ in range(BATCH):
                message = await subscription.receive()
                if isinstance(message, str):
                    self.listener.notice(message)
                elif message in self.sent:
                    self.prove(message)
            # A flood of messages would not suspend this task otherwise.
            await asyncio.sleep(0)

    def prove(self, number: int) -> None:
        """Report an echo. Those that were sent before it are lost, or prove less."""
        sent_at = self.sent[number]
        self.sent = {later: time_sent for later, time_sent in self.sent.items() if time_sent > sent_at}
        self.failure = None
        self.pause = FIRST_PAUSE
        self.listener.prove(sent_at)
        if self.warned:
            self.warned = False
            logger.info("notices of ended sessions arrive again")

    async def send_echoes(self, subscription: Subscription) -> None:
        while not cancelled():
            if self.listener.needs_proof():
                # A number that nobody can guess: only an echo that has come back proves anything.
                number = secrets.randbits(60)
                self.sent[number] = uptime()
                try:
                    await subscription.echo(number)
                except StoreError as error:
                    self.failure = error
            await asyncio.sleep(self.bound / ECHOES_PER_BOUND)

    async def watch(self) -> None:
        """Raise StoreError when an echo does not come back."""
        while True:
            if self.sent and uptime() - min(self.sent.values()) > MAX_SILENCE * self.bound:
                raise self.failure or StoreError("An echo did not come back.", hint=SILENT)
            await asyncio.sleep(self.bound / ECHOES_PER_BOUND)

    def warn(self, error: StoreError) -> None:
        if not self.warned:
            self.warned = True
            message = "no notices of ended sessions, so the store is asked at each request: %s"
            logger.warning(message, error, extra=count_event(Event.STORE_FAILED, error))


def cancelled() -> bool:
    """Return whether the running task was cancelled. redis-py may turn a cancellation into another error."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


UNEXPECTED = "The channel is opened again. If this message appears again and again, report it to asgi-tiktok."
SILENT = (
    "If the database is behind a pooler that gives each transaction another connection, notices cannot work: connect "
    "to the server itself, or set TikTok(session_memory=0)."
)
