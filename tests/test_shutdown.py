"""`TikTok.aclose`: it ends although something that it closes does not."""

import asyncio
import time

import pytest

from asgi_tiktok import MemoryStore
from asgi_tiktok import tiktok as module
from tests.support.tiktok import new_tiktok

pytestmark = pytest.mark.anyio


class SilentStore(MemoryStore):
    """A store whose connections cannot be closed."""

    async def aclose(self) -> None:
        await asyncio.sleep(3600)


async def test_aclose_drops_connections_that_cannot_be_closed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.2)
    tiktok = new_tiktok(store=SilentStore())
    started = time.monotonic()
    await tiktok.aclose()

    assert time.monotonic() - started < 10
    assert "connections dropped at shutdown" in caplog.text
