"""WebSockets: one stays open only as long as its session lasts."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from asgi_tiktok import ConfigurationError, LoginRequired, StoreError, TikTok, TikTokAuthMiddleware, tiktok_session
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.http.live import LiveConnection
from asgi_tiktok.testing import login_as
from tests.support.login import new_browser, sign_in
from tests.support.people import AMARA
from tests.support.settings import FROM_ORIGIN, LOGOUT, ORIGIN


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(f"{websocket.user.display_name}: {text}")


async def push(websocket: WebSocket) -> None:
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        for number in range(1000):
            await websocket.send_json({"number": number, "live": await tiktok_session(websocket).is_live()})
            await anyio.sleep(0.005)


@pytest.fixture
def open_socket(tiktok: TikTok) -> Callable[[str], Any]:
    """A function that signs Ada in and opens a WebSocket that checks her session before each message."""
    app = Starlette(routes=[WebSocketRoute("/echo", echo), WebSocketRoute("/push", push)])
    site = TikTokAuthMiddleware(app, tiktok)
    site._live.recheck = 0
    browser = TestClient(site, base_url=ORIGIN)

    def connect(path: str) -> Any:
        login_as(browser, open_id="ada", display_name="Ada")
        return browser.websocket_connect(f"wss://testserver{path}", headers=FROM_ORIGIN)

    return connect


def receive_all(socket: Any) -> None:
    for _ in range(1000):
        socket.receive_json()


def end_sessions(tiktok: TikTok) -> None:
    assert anyio.run(tiktok.end_sessions, "ada") == 1


def test_websocket_stays_open_while_its_session_lasts(open_socket: Callable[[str], Any]) -> None:
    with open_socket("/echo") as socket:
        for text in ("one", "two", "three"):
            socket.send_text(text)
            assert socket.receive_text() == f"Ada: {text}"


def test_sign_out_closes_a_websocket_that_waits(open_socket: Callable[[str], Any], tiktok: TikTok) -> None:
    with open_socket("/echo") as socket:
        end_sessions(tiktok)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()

    assert closed.value.code == 4401


def test_sign_out_closes_a_websocket_that_only_sends(open_socket: Callable[[str], Any], tiktok: TikTok) -> None:
    with open_socket("/push") as socket:
        assert socket.receive_json() == {"number": 0, "live": True}
        end_sessions(tiktok)
        with pytest.raises(WebSocketDisconnect) as closed:
            receive_all(socket)

    assert closed.value.code == 4401


def test_unavailable_store_closes_no_websocket(
    open_socket: Callable[[str], Any], tiktok: TikTok, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []

    async def fail(key: str) -> bytes | None:
        reads.append(key)
        raise StoreError("unavailable")

    with open_socket("/echo") as socket:
        monkeypatch.setattr(tiktok._store, "get", fail)
        socket.send_text("still here")
        assert socket.receive_text() == "Ada: still here"
    assert reads


class Forever:
    """The liveness of a session that does not end."""

    recheck = 60.0

    async def is_live(self, session: None) -> bool:
        return True

    def watch(self, session: None, callback: Callable[[], object]) -> None:
        """Never call back."""

    def unwatch(self, session: None, callback: Callable[[], object]) -> None:
        """Do nothing."""


@pytest.mark.anyio
async def test_message_is_kept_when_the_app_stops_waiting() -> None:
    send, receive = anyio.create_memory_object_stream[dict[str, str]](1)
    sent: list[Any] = []

    async def collect(message: Any) -> None:
        sent.append(message)

    socket = LiveConnection({"type": "websocket"}, receive.receive, collect, Forever(), None)
    await send.send({"type": "websocket.connect"})
    assert await socket.receive() == {"type": "websocket.connect"}
    with anyio.move_on_after(0.01) as waiting:
        await socket.receive()
    assert waiting.cancelled_caught
    await send.send({"type": "websocket.receive", "text": "kept"})

    assert await socket.receive() == {"type": "websocket.receive", "text": "kept"}
    assert sent == []
    send.close()
    receive.close()


class Slow(Forever):
    """The liveness of a session that has ended, which takes until `answer` to find out. It was noticed twice."""

    def __init__(self) -> None:
        self.answer = anyio.Event()

    async def is_live(self, session: None) -> bool:
        await self.answer.wait()
        return False

    def watch(self, session: None, callback: Callable[[], object]) -> None:
        """Call back twice."""
        callback()
        callback()


@pytest.mark.anyio
async def test_no_check_outlives_the_app() -> None:
    sent: list[Any] = []

    async def collect(message: Any) -> None:
        sent.append(message)

    async def never() -> Any:
        await anyio.sleep_forever()

    liveness = Slow()
    socket = LiveConnection({"type": "websocket"}, never, collect, liveness, None)
    await socket.send({"type": "websocket.accept"})
    await anyio.wait_all_tasks_blocked()
    socket.release()
    liveness.answer.set()
    await anyio.wait_all_tasks_blocked()

    assert sent == [{"type": "websocket.accept"}]


def test_sign_out_of_another_user_closes_nothing(
    tiktok: TikTok, emulator: Emulator, open_socket: Callable[[str], Any]
) -> None:
    with open_socket("/echo") as socket:
        other = new_browser(TikTokAuthMiddleware(Starlette(), tiktok))
        sign_in(other, emulator)
        assert other.post(LOGOUT, headers=FROM_ORIGIN).status_code == 303
        assert other.get("/auth/tiktok/session").json() == {"user": None}
        socket.send_text(AMARA.display_name)
        assert socket.receive_text() == f"Ada: {AMARA.display_name}"


@pytest.mark.parametrize("signed_in", [False, True])
def test_app_refuses_a_handshake_by_raising_scope_required(tiktok: TikTok, signed_in: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["tiktok"].require("video.list")

    browser = TestClient(TikTokAuthMiddleware(app, tiktok), base_url=ORIGIN)
    if signed_in:
        login_as(browser)
    with (
        pytest.raises(WebSocketDenialResponse) as denied,
        browser.websocket_connect("wss://testserver/", headers=FROM_ORIGIN),
    ):
        pass
    assert denied.value.status_code == (403 if signed_in else 401)


def test_error_after_the_handshake_is_raised(tiktok: TikTok) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await WebSocket(scope, receive, send).accept()
        scope["tiktok"].require()

    browser = TestClient(TikTokAuthMiddleware(app, tiktok), base_url=ORIGIN)
    with pytest.raises(LoginRequired), browser.websocket_connect("wss://testserver/", headers=FROM_ORIGIN) as socket:
        socket.receive_text()


@pytest.mark.parametrize("seconds", [0, -1, "60", None, 0.5])
def test_websocket_recheck_must_be_a_positive_number_of_seconds(tiktok: TikTok, seconds: Any) -> None:
    with pytest.raises(ConfigurationError, match="websocket_recheck"):
        TikTokAuthMiddleware(Starlette(), tiktok, websocket_recheck=seconds)
