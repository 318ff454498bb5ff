"""Clocks that are wrong: each worker's by itself, everybody's at once, and beyond 2038 (R-29c, N-38)."""

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
from asgi_tiktok.accounts import sessions
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.stores import lease
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.clock import Clock
from tests.support.interleaving import SteppedStore
from tests.support.people import AMARA
from tests.support.requests import RawResponse, send_request
from tests.support.settings import WEBHOOK
from tests.support.tiktok import count_requests, new_tiktok
from tests.support.webhooks import sign_webhook, webhook_body

pytestmark = pytest.mark.anyio

HOUR = 3600
DAY = 24 * HOUR
WORKERS = pytest.mark.parametrize("each_store", ["redis", "postgresql"], indirect=True)
EVERY = pytest.mark.parametrize("each_store", ["memory", "sqlite", "redis", "postgresql"], indirect=True)
OWN_CLOCK = pytest.mark.parametrize("each_store", ["memory", "sqlite"], indirect=True)

astray: ContextVar[float] = ContextVar("astray", default=0)


class WorkersClock(Clock):
    """The machine's clock, plus the error of the worker that reads it."""

    def __call__(self) -> float:
        return super().__call__() + astray.get()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = WorkersClock()
    monkeypatch.setattr(time, "time", clock)
    return clock


class Worker:
    """A site on a machine whose clock is wrong by so many seconds; it never sets a cookie for a time gone by."""

    def __init__(self, tiktok: TikTok, seconds: float = 0) -> None:
        self.tiktok = tiktok
        self.site: ASGIApp = TikTokAuthMiddleware(app, tiktok)
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def watch(message: Message) -> None:
            for name, value in message.get("headers", ()):
                if name == b"set-cookie":
                    assert re.search(rb"; Max-Age=\d+;", value), value
            await send(message)

        token = astray.set(self.seconds)
        try:
            await self.site(scope, receive, watch)
        finally:
            astray.reset(token)


def workers(store: Store, emulator: Emulator, *wrong: float) -> list[Worker]:
    shared = SteppedStore(store)
    return [Worker(new_tiktok(httpx2.ASGITransport(emulator), store=shared), seconds) for seconds in wrong]


async def tell(worker: Worker, *, at: float, number: int = 0) -> RawResponse:
    """TikTok, whose clock is right, sends an event."""
    body = webhook_body(create_time=number)
    return await send_request(
        worker, "POST", WEBHOOK, headers=[("tiktok-signature", sign_webhook(body, at=at))], body=body
    )


@WORKERS
@pytest.mark.parametrize(("first", "second"), [(0, 30), (30, 0), (-30, 30), (30, -30)])
async def test_workers_whose_clocks_differ_by_up_to_a_minute_work_together(
    each_store: Store, emulator: Emulator, first: float, second: float
) -> None:
    one, two = workers(each_store, emulator, first, second)
    browser = Browser(one, emulator)
    callback_url = await browser.approve_login()
    browser.app = two
    await browser.visit(callback_url)
    for worker in (one, two):
        browser.app = worker
        assert await browser.display_name() == AMARA.display_name
        assert (await browser.request("/token")).status == 200
    assert count_requests(emulator) == 1
    assert (await tell(two, at=time.time())).status == 200

    for worker in (one, two):
        browser.app = worker
        assert await browser.display_name() == ""


@WORKERS
@pytest.mark.parametrize(("first", "second"), [(0, HOUR), (HOUR, 0)], ids=["ahead", "behind"])
async def test_worker_whose_clock_is_an_hour_wrong_rejects_logins_but_no_sessions(
    each_store: Store, emulator: Emulator, first: float, second: float
) -> None:
    """A login that is an hour old, or from the future, is refused; what was finished holds, and can be ended."""
    one, two = workers(each_store, emulator, first, second)
    browser = Browser(one, emulator)
    callback_url = await browser.approve_login()
    browser.app = two
    assert (await browser.request(callback_url)).status == 400
    assert count_requests(emulator) == 0

    browser.app = one
    await browser.sign_in()
    stolen = browser.session_cookie
    for worker in (two, one, two):
        browser.app = worker
        assert await browser.display_name() == AMARA.display_name
        assert (await browser.request("/token")).status == 200
    await browser.sign_out()
    for worker in (one, two):
        response = await send_request(worker, "GET", "/me", headers=[("cookie", f"__Host-tiktok_session={stolen}")])
        assert response.json()["name"] == ""
    wrong = one if first else two
    assert (await tell(wrong, at=time.time())).status == 401


@EVERY
async def test_clock_that_is_set_back_signs_nobody_out(each_store: Store, emulator: Emulator, clock: Clock) -> None:
    (worker,) = workers(each_store, emulator, 0)
    browser = Browser(worker, emulator)
    await browser.sign_in()
    for wrong in (-HOUR, HOUR, -HOUR, 0):
        clock.offset = wrong
        assert await browser.display_name() == AMARA.display_name
        assert (await browser.request("/token")).status == 200
    clock.offset = -HOUR
    assert (await browser.sign_out()).status == 303
    await browser.sign_in()
    clock.offset = 0
    assert await browser.display_name() == AMARA.display_name


@OWN_CLOCK
async def test_lease_of_a_dead_worker_ends_even_if_the_clock_is_set_back(
    each_store: Store, emulator: Emulator, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time is over by the seconds that pass, whatever the clock says."""
    monkeypatch.setattr(lease, "LEASE_TTL", 1)
    monkeypatch.setattr(lease, "POLL_INTERVAL", 0.002)
    (worker,) = workers(each_store, emulator, 0)
    tiktok = worker.tiktok
    await Browser(worker, emulator).sign_in()
    clock.offset = 3 * HOUR
    await each_store.add(
        "lease:" + tiktok._tokens.records.name_of(AMARA.open_id), b"of a dead worker", ttl=lease.LEASE_TTL
    )
    clock.offset = 2 * HOUR

    with anyio.fail_after(9):
        assert (await tiktok.token(AMARA.open_id)).expires_at > time.time()
    assert count_requests(emulator) == 2


async def test_renewed_lease_cannot_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long its holder takes."""
    monkeypatch.setattr(lease, "LEASE_TTL", 1)
    monkeypatch.setattr(lease, "RENEW_INTERVAL", 0.1)
    monkeypatch.setattr(lease, "POLL_INTERVAL", 0.005)
    monkeypatch.setattr(lease, "LEASE_WAIT", 1.6)
    store = MemoryStore()
    async with lease.lease(store, "lease:x") as held, lease.lease(store, "lease:x") as too:
        assert (held, too) == (True, False)
    assert not store._records


@EVERY
async def test_logins_sessions_and_refreshes_work_across_2038(
    each_store: Store, emulator: Emulator, clock: Clock
) -> None:
    end = datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC).timestamp()
    assert end == 2**31
    clock.set(end - 60)
    (worker,) = workers(each_store, emulator, 0)
    browser = Browser(worker, emulator)
    callback_url = await browser.approve_login()
    clock.set(end + 60)
    await browser.visit(callback_url)
    assert (await tell(worker, at=time.time(), number=1)).status == 200
    await browser.sign_in()
    for wait in (0, sessions.TOUCH_INTERVAL + 1, 3 * HOUR):
        clock.set(end + 60 + wait)
        assert await browser.display_name() == AMARA.display_name
        assert (await browser.request("/token")).status == 200
    assert count_requests(emulator) == 3, "two logins and one refresh"

    clock.set(end + 8 * DAY)
    assert await browser.display_name() == ""
    assert (await tell(worker, at=time.time(), number=2)).status == 200
    with pytest.raises(LoginRequired):
        await worker.tiktok.token(AMARA.open_id)


@pytest.mark.parametrize("reading", range(1, 7))
async def test_session_can_expire_between_two_readings_of_the_clock(
    emulator: Emulator, clock: Clock, reading: int
) -> None:
    """Its absolute end passes between two readings of the clock; the store is told no time that is over."""
    (worker,) = workers(MemoryStore(), emulator, 0)
    browser = Browser(worker, emulator)
    await browser.sign_in()
    for day in range(1, 30, 6):
        clock.offset = day * DAY
        assert await browser.display_name() == AMARA.display_name
    clock.offset = 30 * DAY - 1.5
    cookie = browser.jar.cookie_header(browser.home)
    real_time, readings = clock.real_time, 0

    def moving_on() -> float:
        nonlocal readings
        readings += 1
        return real_time() + (2 if readings >= reading else 0)

    clock.real_time = moving_on
    response = await send_request(worker, "GET", "/me", headers=[("cookie", cookie)])
    assert response.json()["name"] in ("", AMARA.display_name)
    assert readings >= reading or response.json()["name"] == AMARA.display_name
    clock.offset += 2
    assert await browser.display_name() == ""


@pytest.mark.parametrize("seed", range(5))
async def test_clock_that_jumps_at_random_never_shows_another_user(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """It may cost a sign-in, but never an response, and never a step that breaks the store's contract."""
    (worker,) = workers(MemoryStore(), emulator, 0)
    browser = Browser(worker, emulator)
    chance, true_time = random.Random(seed), time.time
    monkeypatch.setattr(time, "time", lambda: true_time() + chance.choice([0] * 18 + [-2 * HOUR, 2 * HOUR]))
    shown = []
    for _ in range(20):
        assert (await browser.request(await browser.approve_login())).status in (303, 400)
        shown.append(await browser.display_name())
        assert (await browser.request("/auth/tiktok/session")).status == 200
        assert (await browser.sign_out()).status == 303
    assert set(shown) <= {"", AMARA.display_name}
    assert shown.count(AMARA.display_name) >= 1
