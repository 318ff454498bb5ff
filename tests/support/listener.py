"""A listener that remembers what the channel of a store reports."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from asgi_tiktok.clock import uptime
from asgi_tiktok.stores import Channel, NotifyingStore, echo_channel
from tests.support.waiting import TIMEOUT

ECHO_INTERVAL = 0.05  # seconds


class RecordingListener:
    """Remembers all reports, in order.

    Attributes:
        keys: The key of each notice.
        resets: The number of resets.
        proved: The latest proof (`uptime`).
        idle: Whether the channel may save its echoes.
    """

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.resets = 0
        self.proved = 0.0
        self.idle = False
        self.reported = asyncio.Event()

    def notice(self, key: str) -> None:
        self.keys.append(key)
        self.reported.set()

    def prove(self, sent_at: float) -> None:
        self.proved = sent_at
        self.reported.set()

    def reset(self) -> None:
        self.resets += 1
        self.proved = 0.0
        self.reported.set()

    def needs_proof(self) -> bool:
        return not self.idle

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Wait for a report after which the condition is true."""
        async with asyncio.timeout(TIMEOUT):
            while not is_true():
                self.reported.clear()
                await self.reported.wait()

    async def proof(self) -> None:
        """Wait until everything that the store ordered before this call has been reported."""
        now = uptime()
        await self.until(lambda: self.proved >= now)

    async def notices(self) -> list[str]:
        """Return the keys of all notices that the store ordered before this call."""
        await self.proof()
        return self.keys


@asynccontextmanager
async def listening(store: NotifyingStore, *, bound: float = 1) -> AsyncIterator[RecordingListener]:
    """Listen to the store until the end of the block, once the channel works.

    The bound is so long that a busy machine does not end the subscription. Proofs come often all the same.
    """
    listener = RecordingListener()
    with pytest.MonkeyPatch.context() as often:
        often.setattr(echo_channel, "ECHOES_PER_BOUND", bound / ECHO_INTERVAL)
        channel: Channel | None = store.open_channel(listener, bound=bound)
        assert channel is not None
        try:
            await listener.proof()
            yield listener
        finally:
            await channel.aclose()


async def assert_notices_arrive(store: NotifyingStore, listener: RecordingListener) -> None:
    """Check that the end of a record is noticed, unless the subscription ended meanwhile."""
    resets = -1
    while resets != listener.resets:
        await listener.proof()
        resets = listener.resets
        listener.keys.clear()
        await store.set("k", b"1", ttl=60, owner="ada")
        await store.delete("k")
        await listener.proof()
    assert listener.keys == ["k"]
