"""An app on trio behaves as without the middleware for anonymous visitors. What needs asyncio says so."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from inspect import CORO_CLOSED, getcoroutinestate
from pathlib import Path
from typing import cast

import anyio
import httpx2
import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from websockets.sync.client import connect

from asgi_tiktok import ConfigurationError, MemoryStore, SQLiteStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.event_loop import ShieldedTasks
from asgi_tiktok.testing import login_as
from tests.support.app import app
from tests.support.login import new_browser
from tests.support.native import NATIVE, NATIVE_URI, as_json, native_tiktok
from tests.support.processes import Process
from tests.support.requests import open_websocket, send_request
from tests.support.servers import ROOT
from tests.support.settings import FETCH, FROM_ORIGIN, LOGIN, NAVIGATION, ORIGIN, SESSION_COOKIE
from tests.support.tiktok import CODE_VERIFIER, new_tiktok

pytestmark = pytest.mark.anyio

STORES = {
    "memory": "memory://",
    "sqlite": "sqlite:///{folder}/store.sqlite3",
    "redis": "redis://127.0.0.1:1/0",
    "postgresql": "postgresql+asyncpg://127.0.0.1:1/test",
}


@pytest.fixture
def anyio_backend() -> str:
    return "trio"


@pytest.fixture(params=STORES)
def tiktok(request: pytest.FixtureRequest, tmp_path: Path) -> TikTok:
    return new_tiktok(store=STORES[request.param].format(folder=tmp_path))


@pytest.fixture
def site(tiktok: TikTok) -> ASGIApp:
    return TikTokAuthMiddleware(app, tiktok, protect=("/studio",))


async def sleeping(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that uses its event loop in every kind of connection, and records nothing of the user."""
    await anyio.sleep(0)
    if scope["type"] == "lifespan":
        for _ in range(2):
            message = await receive()
            await anyio.sleep(0)
            await send({"type": f"{message['type']}.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hello"})
        await send({"type": "websocket.close", "code": 1000})
    else:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep, 0)
        await send({"type": "http.response.start", "status": 418, "headers": [(b"vary", b"Cookie")]})
        await send({"type": "http.response.body", "body": b"tea", "more_body": True})
        await send({"type": "http.response.body"})


async def test_anonymous_visitor_gets_the_responses_of_the_app(tiktok: TikTok) -> None:
    site = TikTokAuthMiddleware(sleeping, tiktok)
    for cookie in ("a=b", f"{SESSION_COOKIE}=forged"):
        wrapped, bare = [
            await send_request(each, "GET", "/tea", headers=[("cookie", cookie)]) for each in (site, sleeping)
        ]
        assert (wrapped.status, wrapped.body) == (bare.status, bare.body) == (418, b"tea")
    wrapped, bare = [await open_websocket(each, "/tea") for each in (site, sleeping)]
    assert (wrapped.status, wrapped.body) == (bare.status, bare.body) == (101, b"hello")


async def lifespan_messages(site: ASGIApp) -> list[Message]:
    """Let the site start and stop, and return what it sent."""
    sent: list[Message] = []
    received: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Message:
        return received.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await site({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
    return sent


async def test_lifespan_is_that_of_the_app(tiktok: TikTok) -> None:
    assert await lifespan_messages(TikTokAuthMiddleware(sleeping, tiktok)) == await lifespan_messages(sleeping)


async def test_guarded_paths_stay_guarded(site: ASGIApp) -> None:
    response = await send_request(site, "GET", "/studio", headers=NAVIGATION.items())

    assert (response.status, response.location) == (303, f"{LOGIN}?next=%2Fstudio")
    assert (await open_websocket(site, "/studio/socket")).status == 401


async def test_our_pages_without_a_login_work(site: ASGIApp) -> None:
    assert (await send_request(site, "GET", "/auth/tiktok/session")).json() == {"user": None}
    assert (await send_request(site, "GET", "/auth/tiktok/logout")).status == 200


async def test_login_is_refused_with_the_reason(site: ASGIApp, caplog: pytest.LogCaptureFixture) -> None:
    page = await send_request(site, "GET", LOGIN, headers=NAVIGATION.items())
    data = await send_request(site, "GET", LOGIN, headers=[("accept", "application/json")])

    assert page.status == data.status == 500
    assert not page.set_cookie_lines
    assert "Sign-in does not work on this site" in page.text
    assert data.json()["error"] == "configuration"
    assert [record.getMessage().partition(" | ")[0] for record in caplog.records if record.name == "asgi_tiktok"] == [
        "Sign-ins, stores and requests to TikTok need asyncio, but the app runs on another event loop. "
        "Start the server with asyncio instead of trio, for example: hypercorn --worker-class asyncio."
    ] * 2


async def test_native_login_is_refused_and_leaves_no_coroutine() -> None:
    site = TikTokAuthMiddleware(app, native_tiktok(Emulator()))
    login = {"code": "c", "code_verifier": CODE_VERIFIER, "redirect_uri": NATIVE_URI}
    json = [("content-type", "application/json")]
    response = await send_request(site, "POST", NATIVE, headers=json, body=as_json(login))
    work = anyio.sleep(0)
    with pytest.raises(ConfigurationError):
        await ShieldedTasks(grace=1).run(work)

    assert (response.status, response.json()["error"]) == (500, "configuration")
    assert getcoroutinestate(work) == CORO_CLOSED


def use_store(tiktok: TikTok) -> Awaitable[object]:
    return tiktok.end_sessions("open_id")


def use_api(tiktok: TikTok) -> Awaitable[object]:
    return tiktok._client.client_token()


@pytest.mark.parametrize("use", [use_store, use_api])
async def test_use_of_what_needs_asyncio_raises_a_configuration_error(
    tiktok: TikTok, use: Callable[[TikTok], Awaitable[object]]
) -> None:
    if use is use_store and isinstance(tiktok._store, MemoryStore):
        assert await use(tiktok) == 0, "this store needs no event loop"
    else:
        with pytest.raises(ConfigurationError, match="need asyncio"):
            await use(tiktok)


@pytest.fixture
def signed_in(site: ASGIApp) -> TestClient:
    """A browser that has signed in at a worker with asyncio, and is served by one with trio."""
    browser = new_browser(site)
    login_as(browser)
    return TestClient(site, backend="trio", base_url=ORIGIN, cookies=dict(browser.cookies))


@pytest.mark.parametrize("tiktok", ["sqlite"], indirect=True)
def test_signed_in_user_gets_an_error_page_if_the_store_needs_asyncio(signed_in: TestClient, tiktok: TikTok) -> None:
    cast(SQLiteStore, tiktok._store)._close()
    response = signed_in.get("/me", headers={"accept": "application/json"})

    assert response.status_code == 500
    assert response.json()["error"] == "configuration"


@pytest.mark.parametrize("tiktok", ["memory"], indirect=True)
def test_websocket_of_a_signed_in_user_is_refused(signed_in: TestClient) -> None:
    """Under trio, it could not be closed when the session ends."""
    with pytest.raises(WebSocketDenialResponse) as refused:
        signed_in.websocket_connect("/socket", headers={**FROM_ORIGIN, "accept": "application/json"}).__enter__()

    assert refused.value.status_code == 500
    assert refused.value.json()["error"] == "configuration"


def test_hypercorn_serves_the_app_with_its_trio_worker(tmp_path: Path, port: int) -> None:
    origin = f"http://127.0.0.1:{port}"
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = f"hypercorn tests.support.trio_site:site --worker-class trio --bind 127.0.0.1:{port}".split()
    with Process(tmp_path, [sys.executable, "-m", *command], PYTHONPATH=path, FOLDER=str(tmp_path)) as server:
        server.wait_until_listening(port)
        with httpx2.Client(base_url=origin) as browser:
            assert browser.get("/me").json()["name"] == ""
            assert browser.get("/nap").json() == {"slept": True}
            assert len(browser.get("/stream").content) == 300_000
            assert browser.get("/studio", headers=FETCH).json()["error"] == "login_required"
            assert browser.get(LOGIN, headers=FETCH).json()["error"] == "configuration"
        with connect(f"ws://127.0.0.1:{port}/socket") as websocket:
            assert '"name":""' in websocket.recv()
        assert server.end(signal.SIGTERM) == 0
        assert (tmp_path / "started").exists()
        assert (tmp_path / "stopped").exists()
        assert "Traceback" not in server.output
