"""Connections to TikTok: two pools, busy connections, connections that are closed, and responses without an end."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import pytest

from asgi_tiktok import InvalidResponse, MemoryStore, TikTok, TikTokAuthMiddleware, Unavailable, UpstreamTimeout
from asgi_tiktok.accounts import api_client, refresh
from asgi_tiktok.client import client, transport
from asgi_tiktok.emulator import Emulator, RunningEmulator
from tests.support.app import app
from tests.support.faults import FaultyTransport, raising
from tests.support.held_tiktok import HeldTransport
from tests.support.login import approve_login, display_name, new_browser
from tests.support.people import AMARA
from tests.support.tiktok import CODE_VERIFIER, count_requests, fetch_token, new_tiktok
from tests.support.waiting import TIMEOUT

ME = "/v2/user/info/?fields=open_id"
TOKEN = "/v2/oauth/token/"
BUSY = httpx2.Timeout(5, pool=0.05)

anyio_test = pytest.mark.anyio


@pytest.fixture
async def tiktok(emulator_server: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TikTok]:
    """A TikTok app with two connections for each purpose, over real sockets, and with a stored token."""
    monkeypatch.setattr(transport, "MAX_CONNECTIONS", 2)
    monkeypatch.setattr(transport, "LIMITS", httpx2.Limits(max_connections=2))
    monkeypatch.setattr(api_client, "API_TIMEOUT", BUSY)
    monkeypatch.setattr(client, "CONNECT_TIMEOUT", BUSY)
    tiktok = new_tiktok(base_url=emulator_server.url, store=MemoryStore())
    await tiktok._tokens.save(await fetch_token(tiktok, emulator_server.emulator))
    yield tiktok
    await tiktok.aclose()


async def call_api(tiktok: TikTok) -> int:
    async with tiktok.api(AMARA.open_id) as api:
        return (await api.get(ME)).status_code


def is_busy(result: object) -> bool:
    return isinstance(result, Unavailable) and "All 2 connections are busy" in str(result)


@anyio_test
async def test_api_calls_leave_the_connections_of_logins_free(
    tiktok: TikTok, emulator_server: RunningEmulator
) -> None:
    emulator = emulator_server.emulator
    emulator.faults.add("user_info", "slow", times=2, seconds=1)
    calls = [asyncio.create_task(call_api(tiktok)) for _ in range(3)]
    await asyncio.sleep(0.1)
    assert await fetch_token(tiktok, emulator)
    results = await asyncio.gather(*calls, return_exceptions=True)

    assert results[:2] == [200, 200]
    assert is_busy(results[2])


@anyio_test
async def test_code_that_found_no_connection_was_not_sent(tiktok: TikTok, emulator_server: RunningEmulator) -> None:
    emulator = emulator_server.emulator
    before = count_requests(emulator)
    emulator.faults.add("token", "slow", times=2, seconds=1)
    exchanges = [tiktok._client.fetch_token("code", code_verifier=CODE_VERIFIER) for _ in range(3)]
    results = await asyncio.gather(*exchanges, return_exceptions=True)

    assert is_busy(results[2])
    assert not results[2]._sent  # type: ignore[union-attr]
    assert count_requests(emulator) == before + 2


@anyio_test
async def test_refreshes_of_many_users_leave_connections_to_logins(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "MAX_REFRESHES", 3)
    held = HeldTransport(emulator)
    tiktok = new_tiktok(held)
    token = await fetch_token(tiktok, emulator)
    for number in range(10):
        await tiktok._tokens.save(replace(token, open_id=f"user-{number}", expires_at=int(time.time()) - 1))
    before = count_requests(emulator)
    held.holding = True
    jobs = [asyncio.create_task(tiktok.token(f"user-{number}")) for number in range(10)]
    await anyio.wait_all_tasks_blocked()

    assert count_requests(emulator) == before + 3
    held.release.set()
    await asyncio.gather(*jobs, return_exceptions=True)
    await tiktok.aclose()


@pytest.mark.parametrize("error", [httpx2.PoolTimeout("busy"), httpx2.ConnectError("refused")])
def test_login_whose_code_was_not_sent_is_completed_by_a_reload(emulator: Emulator, error: Exception) -> None:
    faulty = FaultyTransport(emulator)
    browser = new_browser(TikTokAuthMiddleware(app, new_tiktok(faulty)))
    back = approve_login(browser, emulator)
    faulty.path, faulty.fault = TOKEN, raising(error)

    assert browser.get(back).status_code == 503
    faulty.fault = None
    assert browser.get(back).headers["location"] == "/me"
    assert display_name(browser) == AMARA.display_name


class ClosingTransport(httpx2.AsyncBaseTransport):
    """A transport to the emulator whose first connection was closed. It reports steps as httpx2 does.

    Args:
        emulator: The emulator.
        step: The step at which the closed connection is noticed.
        times: How many connections were closed.
    """

    def __init__(self, emulator: Emulator, step: str, times: int = 1) -> None:
        self.inner = httpx2.ASGITransport(emulator)
        self.step = step
        self.times = times
        self.requests = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        if request.url.path == TOKEN and self.requests <= self.times:
            await request.extensions["trace"](self.step, {})
            raise httpx2.RemoteProtocolError("Server disconnected without sending a response.")
        return await self.inner.handle_async_request(request)


@pytest.mark.parametrize(
    ("step", "times", "requests"),
    [
        ("http11.send_request_headers.failed", 1, 2),
        ("http11.send_request_headers.failed", 9, 2),
        ("http11.send_request_body.failed", 1, 1),
        ("http11.receive_response_headers.failed", 1, 1),
    ],
)
@anyio_test
async def test_request_is_sent_once_more_only_if_nothing_was_written(
    emulator: Emulator, step: str, times: int, requests: int
) -> None:
    closing = ClosingTransport(emulator, step, times)
    tiktok = new_tiktok(closing)
    if times < requests:
        assert await fetch_token(tiktok, emulator)
    else:
        with pytest.raises(Unavailable):
            await fetch_token(tiktok, emulator)

    assert closing.requests == requests


@anyio_test
async def test_trace_function_of_the_caller_is_called(tiktok: TikTok) -> None:
    steps: list[str] = []

    async def trace(step: str, info: Any) -> None:
        steps.append(step)

    async with tiktok.api(AMARA.open_id) as api:
        await api.get(ME, extensions={"trace": trace})

    assert "http11.send_request_headers.complete" in steps


class Endless(httpx2.AsyncByteStream):
    """A body that never ends."""

    def __init__(self, chunk: bytes, pause: float) -> None:
        self.chunk = chunk
        self.pause = pause
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield self.chunk
            self.sent += len(self.chunk)
            await anyio.sleep(self.pause)


@pytest.mark.parametrize(
    ("body", "headers", "deadline", "error"),
    [
        (lambda: Endless(b"x" * 1000, 0), {}, TIMEOUT, InvalidResponse),
        (lambda: Endless(b"x", 0.02), {}, 0.2, UpstreamTimeout),
        (lambda: Endless(b"x", 0), {"content-encoding": "gzip"}, TIMEOUT, InvalidResponse),
    ],
)
@anyio_test
async def test_response_of_401_is_read_within_limits(
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    body: Callable[[], Endless],
    headers: dict[str, str],
    deadline: float,
    error: type[Exception],
) -> None:
    monkeypatch.setattr(api_client, "DEADLINE", deadline)
    faulty = FaultyTransport(emulator)
    tiktok = new_tiktok(faulty)
    await tiktok._tokens.save(await fetch_token(tiktok, emulator))
    stream = body()
    faulty.path = "/v2/user/info/"
    faulty.fault = lambda request: httpx2.Response(401, stream=stream, headers=headers)
    with pytest.raises(error):
        await call_api(tiktok)

    assert stream.sent <= transport.MAX_RESPONSE


@anyio_test
async def test_other_responses_of_the_api_have_no_limit(emulator: Emulator) -> None:
    faulty = FaultyTransport(emulator)
    tiktok = new_tiktok(faulty)
    await tiktok._tokens.save(await fetch_token(tiktok, emulator))
    faulty.path = "/v2/user/info/"
    faulty.fault = lambda request: httpx2.Response(200, content=b"x" * 1_000_000)

    assert await call_api(tiktok) == 200
