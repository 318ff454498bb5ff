"""Visitors who send callbacks with a code that they invented, each with the cookie of a login that they started."""

import logging
import time
from collections import Counter

import anyio
import httpx2
import pytest
from starlette.types import ASGIApp

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.routes.sign_in import SignIn
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.clock import Clock
from tests.support.faults import FaultyTransport, raising
from tests.support.people import AMARA
from tests.support.requests import RawResponse
from tests.support.settings import CALLBACK, LOGIN_COOKIE
from tests.support.tiktok import count_requests, new_tiktok
from tests.support.urls import URL
from tests.support.waiting import TIMEOUT

pytestmark = pytest.mark.anyio

LIMIT = 5
TOKEN_PATH, USER_PATH = "/v2/oauth/token/", "/v2/user/info/"


async def junk_callback(site: ASGIApp, emulator: Emulator) -> RawResponse:
    """Start a login in a new browser, and return with a code that TikTok never issued."""
    visitor = Browser(site, emulator)
    query = URL.parse(await visitor.start_login()).query
    state = dict(pair.split("=") for pair in query.split("&"))["state"]
    return await visitor.request(f"{CALLBACK}?code=junk&state={state}")


def marks(store: MemoryStore) -> dict[str, float]:
    """Return the marks of used logins, and the seconds for which they stay."""
    now = time.time()
    return {key: record.ends_at - now for key, record in store._records.items() if key.startswith("used:")}


async def test_f01_mark_of_a_failed_login_stays_as_long_as_its_cookie(
    site: ASGIApp, emulator: Emulator, store: MemoryStore
) -> None:
    assert (await junk_callback(site, emulator)).status == 400
    (seconds,) = marks(store).values()

    assert 590 < seconds <= 600


async def test_f01_mark_of_a_successful_login_stays_for_an_hour(victim: Browser, store: MemoryStore) -> None:
    await victim.sign_in()
    (seconds,) = marks(store).values()

    assert 3590 < seconds <= 3600


async def test_f01_callback_whose_mark_has_expired_is_refused(
    victim: Browser, emulator: Emulator, clock: Clock
) -> None:
    callback = await victim.approve_login()
    cookie = victim.jar.cookie_header(victim.home)
    assert (
        await victim.request(f"{callback.partition('?')[0]}?code=junk&{callback.partition('&')[2]}")
    ).status == 400
    clock.advance(600)
    response = await victim.request(callback, headers=[("cookie", cookie)])

    assert response.status == 400
    assert count_requests(emulator) == 1


async def test_f02_flood_of_marks_ends_no_session(emulator: Emulator) -> None:
    store = MemoryStore(max_records=20)
    site = TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator), store=store))
    victim = Browser(site, emulator)
    await victim.sign_in()
    for _ in range(100):
        await junk_callback(site, emulator)

    assert await victim.display_name() == AMARA.display_name
    assert (await victim.request("/token")).status == 200
    assert len(marks(store)) == 20


class Waiting(httpx2.AsyncBaseTransport):
    """A TikTok that answers no request until it is released."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = httpx2.ASGITransport(emulator)
        self.released = anyio.Event()
        self.requests = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        await self.released.wait()
        return await self.emulator.handle_async_request(request)


async def test_f03_number_of_logins_in_progress_is_limited(
    emulator: Emulator, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Beyond the limit, nothing is stored or sent, and a reload works as soon as there is room."""
    monkeypatch.setattr(f"{SignIn.__module__}.MAX_IN_PROGRESS", LIMIT)
    transport = Waiting(emulator)
    tiktok = new_tiktok(transport, store=store)
    # Two middlewares with one TikTok share the limit.
    sites = [TikTokAuthMiddleware(app, tiktok), TikTokAuthMiddleware(app, tiktok)]
    visitors = [Browser(sites[number % 2], emulator) for number in range(3 * LIMIT)]
    callbacks = [await visitor.approve_login() for visitor in visitors]
    responses: list[RawResponse] = []

    async def open_callback(visitor: Browser, callback: str) -> None:
        responses.append(await visitor.request(callback))

    async with anyio.create_task_group() as group:
        for visitor, callback in zip(visitors, callbacks, strict=True):
            group.start_soon(open_callback, visitor, callback)
        with anyio.fail_after(TIMEOUT):
            while len(responses) < 2 * LIMIT or transport.requests < LIMIT:
                await anyio.sleep(0)
        assert (transport.requests, len(marks(store))) == (LIMIT, LIMIT)
        transport.released.set()

    refused = [response for response in responses if response.status == 503]
    assert Counter(response.status for response in responses) == {503: 2 * LIMIT, 303: LIMIT}
    assert all(response.headers["retry-after"] == "5" for response in refused)
    assert all("Many people are signing in right now" in response.text for response in refused)
    assert not any(response.set_cookie_lines for response in refused)
    assert caplog.text.count("logins are in progress") == 2 * LIMIT
    assert [
        (await visitor.request(callback)).status for visitor, callback in zip(visitors, callbacks, strict=True)
    ] == [303] * (3 * LIMIT)


async def test_f03_lines_about_the_limit_are_counted(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "asgi_tiktok")
    monkeypatch.setattr(f"{SignIn.__module__}.MAX_IN_PROGRESS", 0)
    site = TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator)))
    for _ in range(50):
        assert (await junk_callback(site, emulator)).status == 503
    lines = [record for record in caplog.records if record.name == "asgi_tiktok"]

    assert len(lines) == 31
    assert {record.levelname for record in lines} == {"WARNING"}
    assert count_requests(emulator) == 0


async def test_f03_failed_and_cancelled_logins_make_room(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{SignIn.__module__}.MAX_IN_PROGRESS", 1)
    transport = Waiting(emulator)
    site = TikTokAuthMiddleware(app, new_tiktok(transport))
    with anyio.move_on_after(0.1):
        await junk_callback(site, emulator)
    transport.released.set()
    with anyio.fail_after(TIMEOUT):
        # The cancelled one ends in the background.
        while (await junk_callback(site, emulator)).status == 503:
            await anyio.sleep(0)

    assert [(await junk_callback(site, emulator)).status for _ in range(3)] == [400] * 3
    assert (await Browser(site, emulator).sign_in()).status == 200


NOT_SENT = {
    "F-04 refused": httpx2.ConnectError("refused"),
    "F-04 no connection in time": httpx2.ConnectTimeout("slow"),
    "F-04 no free connection": httpx2.PoolTimeout("busy"),
}
SENT = {"F-04 reset": httpx2.ReadError("reset"), "F-04 no response in time": httpx2.ReadTimeout("slow")}


@pytest.fixture
def faulty(emulator: Emulator) -> FaultyTransport:
    return FaultyTransport(emulator)


@pytest.fixture
def tiktok(faulty: FaultyTransport, store: MemoryStore) -> TikTok:
    return new_tiktok(faulty, store=store)


@pytest.mark.parametrize("error", NOT_SENT.values(), ids=NOT_SENT.keys())
async def test_login_of_which_nothing_was_sent_leaves_no_mark_and_can_be_reloaded(
    victim: Browser, store: MemoryStore, faulty: FaultyTransport, error: Exception
) -> None:
    callback = await victim.approve_login()
    faulty.path, faulty.fault = TOKEN_PATH, raising(error)
    failed = await victim.request(callback)
    faulty.fault = None

    assert failed.status in (503, 504)
    assert not store._records
    assert any(cookie.name.startswith(LOGIN_COOKIE) for cookie in victim.jar)
    assert (await victim.request(callback)).status == 303
    assert await victim.display_name() == AMARA.display_name


@pytest.mark.parametrize("error", SENT.values(), ids=SENT.keys())
async def test_login_that_may_have_reached_tiktok_is_used(
    victim: Browser, store: MemoryStore, faulty: FaultyTransport, error: Exception
) -> None:
    callback = await victim.approve_login()
    faulty.path, faulty.fault = TOKEN_PATH, raising(error)
    assert (await victim.request(callback)).status in (503, 504)
    faulty.fault = None

    assert len(marks(store)) == 1
    assert "This sign-in is already complete" in (await victim.request(callback)).text


async def test_f04_login_whose_code_was_exchanged_is_used(
    victim: Browser, emulator: Emulator, store: MemoryStore, faulty: FaultyTransport
) -> None:
    callback = await victim.approve_login()
    faulty.path, faulty.fault = USER_PATH, raising(httpx2.ConnectError("refused"))
    assert (await victim.request(callback)).status == 503
    faulty.fault = None

    assert len(marks(store)) == 1
    assert (await victim.request(callback)).status == 400
    assert count_requests(emulator) == 1
