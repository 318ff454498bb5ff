from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from playwright.sync_api import Browser, Page

from asgi_tiktok.emulator import Emulator
from tests.support.chromium import open_chromium

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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as chromium:
        yield chromium


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of Chromium that must not report an error on its console."""
    with chromium.new_context(viewport={"width": 390, "height": 800}) as context:
        page = context.new_page()
        messages: list[str] = []
        page.on("console", lambda message: messages.append(f"{message.location} {message.text}"))
        yield page
    # The app and its icon do not exist here, and a server may end before the browser does.
    expected = ("/auth/tiktok/callback", "/favicon.ico", "ERR_CONNECTION_REFUSED")
    assert [text for text in messages if not any(path in text for path in expected)] == []
