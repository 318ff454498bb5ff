from collections.abc import Iterator

import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.client import qr_polls
from asgi_tiktok.emulator import Emulator, RunningEmulator, run_emulator
from tests.support.app import app
from tests.support.canaries import Canaries
from tests.support.clock import Clock
from tests.support.faults import FaultyTransport
from tests.support.login import new_browser
from tests.support.ports import free_port
from tests.support.tiktok import new_tiktok


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def canaries(monkeypatch: pytest.MonkeyPatch) -> Iterator[Canaries]:
    """Fail any test during which a secret appears in a log record or an error. See `tests/support/canaries.py`."""
    recorder = Canaries()
    with recorder.watching(monkeypatch):
        yield recorder
    assert recorder.found == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of this process, which the test can move."""
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    return clock


@pytest.fixture
def emulator() -> Emulator:
    """A TikTok in this process."""
    return Emulator()


@pytest.fixture
def store() -> MemoryStore:
    """The store of the fixture `tiktok`."""
    return MemoryStore()


@pytest.fixture
def tiktok(emulator: Emulator, store: MemoryStore) -> TikTok:
    """The TikTok app of the test. Its requests go to the emulator in this process."""
    return new_tiktok(httpx2.ASGITransport(emulator), store=store)


@pytest.fixture
def browser(tiktok: TikTok) -> TestClient:
    """A browser without cookies, in front of the app with the middleware. `/studio` is protected."""
    return new_browser(TikTokAuthMiddleware(app, tiktok, protect=("/studio",)))


@pytest.fixture
def emulator_server() -> Iterator[RunningEmulator]:
    """An emulator that listens on a loopback port."""
    with run_emulator() as running:
        yield running


@pytest.fixture
def port() -> int:
    """A free port on the loopback interface."""
    return free_port()


@pytest.fixture
def transport(emulator: Emulator) -> FaultyTransport:
    """The network to the emulator, on which a test can make requests fail."""
    return FaultyTransport(emulator)


@pytest.fixture
def poll_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each request of a page with a QR code lead to a poll, instead of one in two seconds."""
    monkeypatch.setattr(qr_polls, "INTERVAL", 0)
