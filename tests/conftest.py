import socket
from collections.abc import Iterator

import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import Emulator, RunningEmulator, run_emulator
from tests.support.app import app
from tests.support.canaries import Canaries
from tests.support.settings import ORIGIN
from tests.support.tiktok import new_tiktok


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def canaries(monkeypatch: pytest.MonkeyPatch) -> Iterator[Canaries]:
    """No test may let a secret out."""
    recorder = Canaries()
    with recorder.watching(monkeypatch):
        yield recorder
    assert recorder.found == []


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def tiktok(emulator: Emulator, store: MemoryStore) -> TikTok:
    return new_tiktok(httpx2.ASGITransport(emulator), store=store)


@pytest.fixture
def browser(tiktok: TikTok) -> TestClient:
    """A browser that has not signed in, in front of the site with the middleware."""
    site = TikTokAuthMiddleware(app, tiktok, protect=("/studio",))
    return TestClient(site, base_url=ORIGIN, follow_redirects=False)


@pytest.fixture
def emulator_server() -> Iterator[RunningEmulator]:
    with run_emulator() as running:
        yield running


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
