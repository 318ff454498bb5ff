"""Session memory: a signed-in request does not ask the store, and a session that has ended is refused at once."""

import os
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from asgi_tiktok import MemoryStore, StoreError, TikTok, TikTokAuthMiddleware, tiktok_session
from asgi_tiktok.clock import uptime
from asgi_tiktok.testing import login_as, login_as_async
from tests.support.clock import Clock
from tests.support.settings import FROM_ORIGIN, ORIGIN
from tests.support.tiktok import new_tiktok
from tests.support.wrapped_store import WrappedStore

pytestmark = pytest.mark.anyio


async def me(request: Request) -> Response:
    return PlainTextResponse(request.user.display_name)


async def videos(request: Request) -> Response:
    return PlainTextResponse(tiktok_session(request).require("video.list").display_name)


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


app = Starlette(routes=[Route("/me", me), Route("/videos", videos), WebSocketRoute("/echo", echo)])


class CountingStore(MemoryStore):
    """A store that counts how often it is read."""

    reads = 0

    async def get(self, key: str) -> bytes | None:
        self.reads += 1
        return await super().get(key)


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


def browser_of(tiktok: TikTok) -> httpx2.AsyncClient:
    site = TikTokAuthMiddleware(app, tiktok, protect=("/studio",))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(site), base_url=ORIGIN)


@pytest.fixture
async def browser(tiktok: TikTok) -> AsyncIterator[httpx2.AsyncClient]:
    """The browser of Ada, who has made two requests."""
    async with browser_of(tiktok) as client:
        await login_as_async(client, tiktok=tiktok, open_id="ada", display_name="Ada", scopes=["video.list"])
        assert [(await client.get("/me")).text for _ in range(2)] == ["Ada", "Ada"]
        yield client
    await tiktok.aclose()


@pytest.fixture
def tiktok(store: CountingStore) -> TikTok:
    return new_tiktok(store=store, optional_scopes=("video.list",), session_memory=10_000)


async def test_signed_in_requests_do_not_ask_the_store(browser: httpx2.AsyncClient, store: CountingStore) -> None:
    store.reads = 0
    for _ in range(10):
        assert (await browser.get("/me")).text == "Ada"

    assert store.reads == 0


async def test_an_app_that_changes_its_credentials_changes_no_other_request(
    browser: httpx2.AsyncClient, tiktok: TikTok
) -> None:
    async def grant(request: Request) -> Response:
        request.auth.scopes.append("staff")
        return PlainTextResponse(",".join(request.auth.scopes))

    site = TikTokAuthMiddleware(Starlette(routes=[Route("/", grant)]), tiktok)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(site), base_url=ORIGIN) as visitor:
        assert [(await visitor.get("/")).text for _ in range(2)] == ["", ""]
        visitor.cookies = browser.cookies
        assert [(await visitor.get("/")).text for _ in range(2)] == ["authenticated,video.list"] * 2


async def count_reads(tiktok: TikTok, store: CountingStore) -> int:
    """Sign in, make ten requests, and return how often they read the store."""
    async with browser_of(tiktok) as browser:
        await login_as_async(browser, tiktok=tiktok)
        store.reads = 0
        for _ in range(10):
            assert (await browser.get("/me")).text == "Ada"
    return store.reads


async def test_without_session_memory_each_request_asks_the_store(store: CountingStore) -> None:
    assert await count_reads(new_tiktok(store=store, session_memory=0), store) == 10


async def test_a_store_without_notices_is_asked_at_each_request(store: CountingStore) -> None:
    assert await count_reads(new_tiktok(store=WrappedStore(store), session_memory=10_000), store) == 10


async def test_session_that_another_worker_ends_is_refused_at_once(
    browser: httpx2.AsyncClient, store: CountingStore
) -> None:
    other_worker = new_tiktok(store=store)

    assert await other_worker.end_sessions("ada") == 1
    assert (await browser.get("/me")).text == ""


async def test_session_that_this_process_ends_is_refused_although_the_store_fails(
    browser: httpx2.AsyncClient, store: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*args: object) -> bool:
        raise StoreError("The store is down.")

    monkeypatch.setattr(store, "delete", fail)
    response = await browser.post("/auth/tiktok/logout", headers=FROM_ORIGIN)

    assert response.status_code == 503
    assert (await browser.get("/me")).text == ""


async def test_session_that_is_read_while_this_process_ends_all_of_the_user_is_refused_at_once(
    browser: httpx2.AsyncClient, tiktok: TikTok, store: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also before the notice of the store has arrived."""
    store._listeners.clear()
    memory = tiktok._memories.here()
    memory.forget(next(iter(memory.entries)))
    delete_owned = store.delete_owned

    async def delete_slowly(owner: str) -> int:
        assert (await browser.get("/me")).text == "Ada"
        return await delete_owned(owner)

    monkeypatch.setattr(store, "delete_owned", delete_slowly)
    assert await tiktok.end_sessions("ada") == 1
    assert (await browser.get("/me")).text == ""


@pytest.mark.skipif(sys.platform != "linux", reason="this system does not tell the time since its start")
def test_the_time_in_which_the_machine_is_suspended_counts() -> None:
    since_start = float(Path("/proc/uptime").read_text().split()[0])

    assert uptime() == pytest.approx(since_start, abs=10)


async def test_scopes_that_are_reduced_are_gone_at_the_next_request(
    browser: httpx2.AsyncClient, tiktok: TikTok
) -> None:
    assert (await browser.get("/videos")).text == "Ada"

    await tiktok._sessions.reduce_scopes("ada", {"user.info.basic"})
    assert (await browser.get("/videos")).status_code == 403
    assert (await browser.get("/me")).text == "Ada"


async def test_session_in_memory_is_read_again_after_ten_seconds(
    browser: httpx2.AsyncClient, store: CountingStore, tiktok: TikTok
) -> None:
    store._listeners.clear()  # from here on, notices are lost without a trace
    assert await new_tiktok(store=store).end_sessions("ada") == 1
    memory = tiktok._memories.here()
    (entry,) = memory.entries.values()
    assert (await browser.get("/me")).text == "Ada"
    entry.fresh_until -= 10

    assert (await browser.get("/me")).text == ""


async def test_session_in_memory_is_touched_every_five_minutes(
    browser: httpx2.AsyncClient, store: CountingStore, clock: Clock
) -> None:
    for _ in range(4):
        clock.advance(days=6)
        assert (await browser.get("/me")).text == "Ada"  # the idle timeout of seven days begins again

    clock.advance(days=8)
    assert (await browser.get("/me")).text == ""


async def test_session_in_memory_ends_at_its_absolute_timeout(browser: httpx2.AsyncClient, clock: Clock) -> None:
    for _ in range(30):
        assert (await browser.get("/me")).text == "Ada"
        clock.advance(days=1)

    assert (await browser.get("/me")).text == ""


async def test_memory_drops_the_session_that_was_used_longest_ago(store: CountingStore) -> None:
    tiktok = new_tiktok(store=store, session_memory=2)
    browsers = [browser_of(tiktok) for _ in range(3)]
    for number, browser in enumerate(browsers):
        await login_as_async(browser, tiktok=tiktok, open_id=f"user-{number}")
    for number in (0, 0, 1, 1, 0, 2, 2):
        await browsers[number].get("/me")
    store.reads = 0

    await browsers[0].get("/me")
    await browsers[2].get("/me")
    assert store.reads == 0
    await browsers[1].get("/me")
    assert store.reads == 1
    for browser in browsers:
        await browser.aclose()


async def test_memory_is_bounded_by_bytes(store: CountingStore) -> None:
    tiktok = new_tiktok(store=store, session_memory=10)
    for number in range(10):
        async with browser_of(tiktok) as browser:
            # Random, so that it cannot be compressed.
            await login_as_async(
                browser, tiktok=tiktok, open_id=f"user-{number}", data={"notes": os.urandom(5_000).hex()}
            )
            await browser.get("/me")

    memory = tiktok._memories.here()
    assert 1 <= len(memory.entries) < 10
    assert memory.size == sum(len(entry.session.record) for entry in memory.entries.values()) <= 10 * 4096


async def test_cookies_of_other_apps_may_change_at_each_request(
    browser: httpx2.AsyncClient, tiktok: TikTok, store: CountingStore
) -> None:
    session = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
    store.reads = 0
    for number in range(5):
        response = await browser.get("/me", headers={"cookie": f"_ga={number}; {session}; tiktok_session_x={number}"})
        assert response.text == "Ada"

    assert store.reads == 0
    assert len(tiktok._memories.here().lines) == 1


async def test_two_session_cookies_are_refused_although_one_is_in_memory(
    browser: httpx2.AsyncClient, tiktok: TikTok
) -> None:
    (mine,) = [f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar]
    async with browser_of(tiktok) as other:
        await login_as_async(other, tiktok=tiktok, open_id="eve", display_name="Eve")
        (hers,) = [f"{cookie.name}={cookie.value}" for cookie in other.cookies.jar]

    for headers in ([("cookie", mine), ("cookie", hers)], [("cookie", f"{mine}; {hers}")]):
        async with browser_of(tiktok) as client:
            assert (await client.get("/me", headers=headers)).text == ""
    async with browser_of(tiktok) as client:
        assert (await client.get("/me", headers=[("cookie", "a=b"), ("cookie", mine)])).text == "Ada"


def test_websocket_closes_when_the_notice_arrives(tiktok: TikTok) -> None:
    """The recheck would come after a minute."""
    browser = TestClient(TikTokAuthMiddleware(app, tiktok), base_url=ORIGIN)
    login_as(browser, tiktok=tiktok, open_id="ada")
    with browser.websocket_connect("wss://testserver/echo", headers=FROM_ORIGIN) as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"
        assert anyio.run(tiktok.end_sessions, "ada") == 1

        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
    assert closed.value.code == 4401


def test_websocket_closes_if_its_session_ended_before_the_app_accepted_it(tiktok: TikTok) -> None:
    async def sign_out_and_echo(websocket: WebSocket) -> None:
        await tiktok.end_sessions("ada")
        await echo(websocket)

    site = Starlette(routes=[WebSocketRoute("/echo", sign_out_and_echo)])
    browser = TestClient(TikTokAuthMiddleware(site, tiktok), base_url=ORIGIN)
    login_as(browser, tiktok=tiktok, open_id="ada")
    with (
        browser.websocket_connect("wss://testserver/echo", headers=FROM_ORIGIN) as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_text()
    assert closed.value.code == 4401


async def test_event_loops_of_other_threads_see_the_end_at_once(
    browser: httpx2.AsyncClient, tiktok: TikTok, store: CountingStore
) -> None:
    thread = threading.Thread(target=anyio.run, args=(tiktok.end_sessions, "ada"))
    thread.start()
    await anyio.to_thread.run_sync(thread.join)

    assert (await browser.get("/me")).text == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
async def test_forked_process_begins_with_an_empty_memory(browser: httpx2.AsyncClient, tiktok: TikTok) -> None:
    memory = tiktok._memories.here()
    assert memory.entries
    if (child := os.fork()) == 0:
        os._exit(len(memory.entries) + (memory.channel is not None) + (memory.proved_until > 0))

    assert os.waitpid(child, 0)[1] == 0
    assert memory.entries


async def test_memory_works_again_after_aclose(
    browser: httpx2.AsyncClient, tiktok: TikTok, store: CountingStore
) -> None:
    await tiktok.aclose()
    assert [(await browser.get("/me")).text for _ in range(2)] == ["Ada", "Ada"]
    store.reads = 0

    assert (await browser.get("/me")).text == "Ada"
    assert store.reads == 0


async def test_forged_notices_end_no_session(browser: httpx2.AsyncClient, tiktok: TikTok) -> None:
    memory = tiktok._memories.here()
    (name,) = memory.entries
    for key in (name, "", "session:\N{SNOWMAN}", *(f"session:{number:064x}" for number in range(10_000))):
        memory.notice(key)

    assert (await browser.get("/me")).text == "Ada"
