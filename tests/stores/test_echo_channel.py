"""The channel over a network, with a network in this process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from asgi_tiktok import StoreError
from asgi_tiktok.clock import uptime
from asgi_tiktok.stores.echo_channel import EchoChannel
from tests.support.listener import RecordingListener
from tests.support.waiting import TIMEOUT

pytestmark = pytest.mark.anyio

BOUND = 0.1


class Wire:
    """A subscription whose messages the test holds in its hands.

    Attributes:
        echoes: The numbers of all echoes that were sent.
        delivers: Whether an echo comes back by itself.
        refuses: Whether no echo can be sent.
        refused: The number of echoes that could not be sent.
        hangs: Whether sending an echo takes until it is cancelled, and then fails with another error.
        subscriptions: How often it was opened.
    """

    def __init__(self) -> None:
        self.messages: asyncio.Queue[str | int | Exception] = asyncio.Queue()
        self.echoes: list[int] = []
        self.delivers = True
        self.refuses = False
        self.refused = 0
        self.hangs = False
        self.subscriptions = 0

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator["Wire"]:
        self.subscriptions += 1
        yield self

    async def receive(self) -> str | int:
        message = await self.messages.get()
        if isinstance(message, Exception):
            raise message
        return message

    async def echo(self, number: int) -> None:
        if self.hangs:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise StoreError("The node is away.") from None
        if self.refuses:
            self.refused += 1
            raise StoreError("This user may not publish.", hint="Allow it.")
        self.echoes.append(number)
        if self.delivers:
            self.messages.put_nowait(number)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def listener(wire: Wire) -> AsyncIterator[RecordingListener]:
    """The listener of a channel that works."""
    listener = RecordingListener()
    channel = EchoChannel(wire.subscribe, listener, BOUND)
    await listener.proof()
    yield listener
    await channel.aclose()


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not is_true():
            await asyncio.sleep(0.005)


async def test_an_echo_proves_only_what_was_ordered_before_it_was_sent(
    wire: Wire, listener: RecordingListener
) -> None:
    wire.delivers = False
    count = len(wire.echoes)
    asked = uptime()
    await until(lambda: len(wire.echoes) > count + 1)
    second = uptime()
    wire.messages.put_nowait(wire.echoes[count])
    await listener.until(lambda: listener.proved > asked)

    assert listener.proved < second


async def test_an_echo_is_believed_once_and_not_after_a_later_one(wire: Wire, listener: RecordingListener) -> None:
    wire.delivers = False
    count = len(wire.echoes)
    await until(lambda: len(wire.echoes) > count)
    first = uptime()
    await until(lambda: len(wire.echoes) > count + 1)
    earlier, later = wire.echoes[count : count + 2]
    for number in (later, earlier, later, 10**18, -1):
        wire.messages.put_nowait(number)
    wire.messages.put_nowait("k")
    await listener.until(lambda: listener.keys == ["k"])

    assert listener.proved > first


async def test_a_silent_subscription_is_replaced(wire: Wire, listener: RecordingListener) -> None:
    wire.delivers = False
    await listener.until(lambda: listener.resets == 2)
    assert listener.proved == 0

    wire.delivers = True
    await listener.proof()
    assert wire.subscriptions == 2


async def test_a_subscription_whose_driver_swallows_a_cancellation_is_replaced(
    wire: Wire, listener: RecordingListener
) -> None:
    wire.hangs = True
    await listener.until(lambda: listener.resets == 2)

    wire.hangs = False
    await listener.proof()


async def test_one_lost_echo_does_not_end_the_subscription(wire: Wire, listener: RecordingListener) -> None:
    wire.refuses = True
    await until(lambda: wire.refused == 1)
    wire.refuses = False
    for _ in range(10):
        await listener.proof()

    assert wire.subscriptions == 1


async def test_the_warning_names_the_reason_and_appears_once(
    wire: Wire, listener: RecordingListener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="asgi_tiktok")
    wire.refuses = True
    await until(lambda: wire.subscriptions == 3)
    wire.refuses = False
    await listener.proof()

    warning, recovery = caplog.messages
    assert "the store is asked at each request" in warning
    assert "This user may not publish." in warning
    assert "arrive again" in recovery


async def test_a_lost_subscription_is_reported_before_the_next_one(wire: Wire, listener: RecordingListener) -> None:
    wire.messages.put_nowait(StoreError("Connection lost."))
    await listener.until(lambda: listener.resets == 2)
    assert listener.proved == 0
    await listener.until(lambda: listener.resets == 3)
    await listener.proof()


async def test_an_unexpected_error_drops_everything_and_is_reported_without_its_text(
    wire: Wire, listener: RecordingListener, caplog: pytest.LogCaptureFixture
) -> None:
    wire.messages.put_nowait(TypeError("with a secret"))
    await listener.until(lambda: listener.resets == 2)
    assert listener.proved == 0
    await listener.until(lambda: listener.resets == 3)
    await listener.proof()

    warning = caplog.records[0]
    assert "TypeError" in warning.getMessage()
    assert "secret" not in warning.getMessage()
    assert warning.exc_info is None


async def test_nothing_is_sent_while_nothing_is_kept(wire: Wire, listener: RecordingListener) -> None:
    listener.idle = True
    await asyncio.sleep(BOUND)
    count = len(wire.echoes)
    await asyncio.sleep(6 * BOUND)

    assert len(wire.echoes) == count
    assert wire.subscriptions == 1


async def test_other_tasks_run_during_a_flood(wire: Wire, listener: RecordingListener) -> None:
    for number in range(10_000):
        wire.messages.put_nowait(f"session:{number}")
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert 0 < len(listener.keys) < 1000
    await listener.until(lambda: len(listener.keys) == 10_000)
    await listener.proof()
