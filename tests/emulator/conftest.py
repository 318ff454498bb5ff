from collections.abc import AsyncIterator

import httpx2
import pytest

from asgi_tiktok.emulator import Emulator

from .wire import Clock, browser_of


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock) -> Emulator:
    return Emulator(clock=clock)


@pytest.fixture
async def browser(emulator: Emulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with browser_of(emulator) as browser:
        yield browser
