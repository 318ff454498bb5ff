"""Wrong clocks: of one worker, of all workers, and times after 2038 (R-29c, N-38)."""

import random
import re
import time
from contextvars import ContextVar
from datetime import UTC, datetime

import anyio
import httpx2
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asgi_tiktok import LoginRequired, MemoryStore, Store, TikTok, TikTokAuthMiddleware
from asgi_tiktok.accounts import session_memory
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.stores import lease
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.clock import Clock
from tests.support.interleaving import SteppedStore
from tests.support.people import AMARA
from tests.support.requests import RawResponse, send_request
from tests.support.settings import SESSION_COOKIE, WEBHOOK
from tests.support.tiktok import count_requests, new_tiktok
from tests.support.waiting import TIMEOUT
from tests.support.webhooks import sign_webhook, webhook_body

pytestmark = pytest.mark.anyio

HOUR = 3600
DAY = 24 * HOUR
SHARED_STORES = pytest.mark.parametrize("each_store", ["redis", "postgresql"], indirect=True)
ALL_STORES = pytest.mark.parametrize("each_store", ["memory", "sqlite", "redis", "postgresql"], indirect=True)
LOCAL_STORES = pytest.mark.parametrize("each_store", ["memory", "sqlite"], indirect=True)

clock_error: ContextVar[float] = ContextVar("clock_error", default=0)


class WorkersClock(Clock):
    """The clock of the machine, plus the error of the worker that reads it."""

    def __call__(self) -> float:
        return super().__call__() + clock_error.get()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = WorkersClock()
    monkeypatch.setattr(time, "time", clock)
    return clock


class Worker:
    """A site on a machine whose clock is wrong by this number of seconds.

    It checks that no response sets a cookie with a negative Max-Age.
    """

    def __init__(self, tiktok: TikTok, seconds: float = 0) -> None:
        self.tiktok = tiktok
        self.site: ASGIApp = TikTokAuthMiddleware(app, tiktok)
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def checked_send(message: Message) -> None:
            for name, value in message.get("headers", ()):
                if name == b"set-cookie":
                    assert re.search(rb"; Max-Age=\d+;", value), value
            await send(message)

        token = clock_error.set(self.seconds)
        try:
            await self.site(scope, receive, checked_send)
        finally:
            clock_error.reset(token)


def new_workers(store: Store, emulator: Emulator, *clock_errors: float) -> list[Worker]:
    shared = SteppedStore(store)
    return [Worker(new_tiktok(httpx2.ASGITransport(emulator), store=shared), seconds) for seconds in clock_errors]


async def send_event(worker: Worker, *, at: float) -> RawResponse:
    """Send an event as TikTok, whose clock is right."""
    body = webhook_body(create_time=int(at))
    return await send_request(
        worker, "POST", WEBHOOK, headers=[("tiktok-signature", sign_webhook(body, at=at))], body=body
    )


@SHARED_STORES
@pytest.mark.parametrize(("first", "second"), [(0, 30), (30, 0), (-30, 30), (30, -30)])
async def test_workers_whose_clocks_differ_by_up_to_a_minute_work_together(
    each_store: Store, emulator: Emulator, first: float, second: float
) -> None:
    one, two = new_workers(each_store, emulator, first, second)
    browser = Browser(one, emulator)
    callback_url = await browser.approve_login()
    browser.app = two
    await browser.visit(callback_url)
    for worker in (one, two):
        browser.app = worker
        assert await browser.display_name() == AMARA.display_name
        assert (await browser.request("/token")).status == 200
    assert count_requests(emulator) == 1
    assert (await send_event(two, at=time.time())).status == 200

    for worker in (one, two):
        browser.app = worker
        assert await browser.display_name() == ""


@SHARED_STORES
@pytest.mark.parametrize(("first", "second"), [(0, HOUR), (HOUR, 0)], ids=["ahead", "behind"])
async def test_worker_whose_clock_is_an_hour_wrong_rejects_logins_but_no_sessions(
    each_store: Store, emulator: Emulator, first: float, second: float
) -> None:
    """A login that is an hour old, or from the future, is rejected. A session is valid for both workers."""
    one, two = new_workers(each_store, emulator, first, second)
    browser = Browser(one, emulator)
    callback_url = await browser.approve_login()
    browser.app = two
    assert (await browser.request(callback_url)).status == 400
    assert count_requests(emulator) == 0

    browser.app = one
    await browser.sign_in()
    cookie = browser.session_cookie
    for worker in (two, one, two):
        browser.app = worker
        assert await browser.display_name() == AMARA.display_name
        assert (await browser.request("/token")).status == 200
    await browser.sign_out()
    for worker in (one, two):
        response = await send_request(worker, "GET", "/me", headers=[("cookie", f"{SESSION_COOKIE}={cookie}")])
        assert response.json()["name"] == ""
    worker_that_is_ahead = one if first else two
    assert (await send_event(worker_that_is_ahead, at=time.time())).status == 200
    assert (await send_event(worker_that_is_ahead, at=time.time() + 2 * HOUR)).status == 401


@ALL_STORES
async def test_clock_that_is_set_back_signs_nobody_out(each_store: Store, emulator: Emulator, clock: Clock) -> None:
    (worker,) = new_workers(each_store, emulator, 0)
    browser = Browser(worker, emulator)
    await browser.sign_in()
    for offset in (-HOUR, HOUR, -HOUR, 0):
        clock.offset = offset
        assert await browser.display_name() == AMARA.display_name
        assert (await browser.request("/token")).status == 200
    clock.offset = -HOUR
    assert (await browser.sign_out()).status == 303
    await browser.sign_in()
    clock.offset = 0
    assert await browser.display_name() == AMARA.display_name


@LOCAL_STORES
async def test_lease_of_a_dead_worker_ends_even_if_the_clock_is_set_back(
    each_store: Store, emulator: Emulator, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end depends on the time that passes, not on the clock."""
    monkeypatch.setattr(lease, "LEASE_TTL", 1)
    monkeypatch.setattr(lease, "POLL_INTERVAL", 0.002)
    (worker,) = new_workers(each_store, emulator, 0)
    tiktok = worker.tiktok
    await Browser(worker, emulator).sign_in()
    clock.offset = 3 * HOUR
    await each_store.add(
        "lease:" + tiktok._tokens.records.name_of(AMARA.open_id), b"a dead worker", ttl=lease.LEASE_TTL
    )
    clock.offset = 2 * HOUR

    with anyio.fail_after(TIMEOUT):
        assert (await tiktok.token(AMARA.open_id)).expires_at > time.time()
    assert count_requests(emulator) == 2


async def test_renewed_lease_cannot_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LEASE_TTL", 1)
    monkeypatch.setattr(lease, "RENEW_INTERVAL", 0.1)
    monkeypatch.setattr(lease, "POLL_INTERVAL", 0.005)
    monkeypatch.setattr(lease, "LEASE_WAIT", 1.6)
    store = MemoryStore()
    async with lease.lease(store, "lease:x") as first, lease.lease(store, "lease:x") as second:
        assert (first, second) == (True, False)
    assert not store._records


@ALL_STORES
async def test_logins_sessions_and_refreshes_work_across_2038(
    each_store: Store, emulator: Emulator, clock: Clock
) -> None:
    end = datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC).timestamp()
    assert end == 2**31
    clock.set(end - 60)
    (worker,) = new_workers(each_store, emulator, 0)
    browser = Browser(worker, emulator)
    callback_url = await browser.approve_login()
    clock.set(end + 60)
    await browser.visit(callback_url)
    assert (await send_event(worker, at=time.time())).status == 200
    await browser.sign_in()
    for wait in (0, session_memory.TOUCH_INTERVAL + 1, 3 * HOUR):
        clock.set(end + 60 + wait)
        assert await browser.display_name() == AMARA.display_name
        assert (await browser.request("/token")).status == 200
    assert count_requests(emulator) == 3, "two logins and one refresh"

    clock.set(end + 8 * DAY)
    assert await browser.display_name() == ""
    assert (await send_event(worker, at=time.time())).status == 200
    with pytest.raises(LoginRequired):
        await worker.tiktok.token(AMARA.open_id)


@pytest.mark.parametrize("reading", range(1, 7))
async def test_session_can_expire_between_two_readings_of_the_clock(
    emulator: Emulator, clock: Clock, reading: int
) -> None:
    """Its absolute end passes between two readings. The store never gets a time to live below 1 second."""
    (worker,) = new_workers(MemoryStore(), emulator, 0)
    browser = Browser(worker, emulator)
    await browser.sign_in()
    for day in range(1, 30, 6):
        clock.offset = day * DAY
        assert await browser.display_name() == AMARA.display_name
    clock.offset = 30 * DAY - 1.5
    cookie = browser.jar.cookie_header(browser.home)
    real_time, readings = clock.real_time, 0

    def jumping_time() -> float:
        nonlocal readings
        readings += 1
        return real_time() + (2 if readings >= reading else 0)

    clock.real_time = jumping_time
    response = await send_request(worker, "GET", "/me", headers=[("cookie", cookie)])
    assert response.json()["name"] in ("", AMARA.display_name)
    assert readings >= reading or response.json()["name"] == AMARA.display_name
    assert reading > 1 or response.json()["name"] == ""
    clock.offset += 2
    assert await browser.display_name() == ""


@pytest.mark.parametrize("seed", range(5))
async def test_clock_that_jumps_at_random_never_shows_another_user(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """A jump may make a login fail, but every request gets a response, and the store's contract is kept."""
    (worker,) = new_workers(MemoryStore(), emulator, 0)
    browser = Browser(worker, emulator)
    random_numbers, true_time = random.Random(seed), time.time
    monkeypatch.setattr(time, "time", lambda: true_time() + random_numbers.choice([0] * 18 + [-2 * HOUR, 2 * HOUR]))
    names = []
    for _ in range(20):
        assert (await browser.request(await browser.approve_login())).status in (303, 400)
        names.append(await browser.display_name())
        assert (await browser.request("/auth/tiktok/session")).status == 200
        assert (await browser.sign_out()).status == 303
    assert set(names) <= {"", AMARA.display_name}
    assert names.count(AMARA.display_name) >= 1
