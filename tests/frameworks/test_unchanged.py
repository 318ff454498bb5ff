"""Apps modelled on the tests of Quart and Litestar send the same messages with and without the middleware in front.

Their sdists contain no tests. `.ci/upstream` runs the tests of Starlette and FastAPI.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any, cast

import litestar
import pytest
import quart
from litestar import Litestar, Request, WebSocket
from litestar.background_tasks import BackgroundTask
from litestar.connection import ASGIConnection
from litestar.datastructures import CacheControlHeader, Cookie
from litestar.exceptions import HTTPException, NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.response import Redirect, ServerSentEvent, Stream
from litestar.static_files import create_static_files_router
from quart import Quart
from starlette.types import ASGIApp, Message, Scope

from asgi_tiktok import TikTok, TikTokAuthMiddleware
from asgi_tiktok.http.response import VARY_ON_COOKIE
from asgi_tiktok.litestar import TikTokPlugin
from asgi_tiktok.quart import TikTokAuth
from tests.support.requests import BASE_SCOPE, new_scope
from tests.support.waiting import TIMEOUT

pytestmark = pytest.mark.anyio

FOLDER = Path(__file__).parent
METHODS = ("GET", "HEAD", "OPTIONS", "POST")

Build = Callable[[TikTok | None], ASGIApp]


def quart_app(tiktok: TikTok | None) -> ASGIApp:
    app = Quart(__name__, static_folder=str(FOLDER))

    @app.route("/", methods=["GET", "POST"])
    async def index() -> Any:
        return await quart.request.get_data() or "index", {"X-Header": "é"}

    @app.get("/stream")
    async def stream() -> Any:
        async def body() -> AsyncIterator[bytes]:
            for number in range(3):
                await asyncio.sleep(0)
                yield b"%d" % number

        return body(), 202

    @app.post("/pieces")
    async def pieces() -> Any:
        return {"pieces": [piece.decode() async for piece in quart.request.body]}

    @app.get("/cookies")
    async def cookies() -> Any:
        response = await quart.make_response(quart.jsonify(dict(quart.request.cookies)))
        response.set_cookie("a", "b", max_age=60, samesite="Strict")
        response.delete_cookie("c")
        response.headers["Vary"] = "Accept-Encoding"
        return response

    @app.get("/redirect")
    async def redirect() -> Any:
        return quart.redirect("/elsewhere")

    @app.get("/abort/<int:status>")
    async def abort(status: int) -> Any:
        quart.abort(status)

    @app.get("/error")
    async def error() -> Any:
        raise ZeroDivisionError

    @app.after_request
    async def add_header(response: Any) -> Any:
        response.headers["X-After"] = "yes"
        return response

    @app.websocket("/echo")
    async def echo() -> None:
        await quart.websocket.accept(headers={"x-one": "1"}, subprotocol="chat")
        while True:
            await quart.websocket.send(await quart.websocket.receive())

    @app.websocket("/refuse")
    async def refuse() -> Any:
        return "not here", 403

    @app.websocket("/close")
    async def close() -> None:
        await quart.websocket.close(4000, "enough")

    @app.websocket("/fail")
    async def fail() -> None:
        await quart.websocket.accept()
        raise ZeroDivisionError

    @app.while_serving
    async def serving() -> AsyncGenerator[None, None]:
        await asyncio.sleep(0)
        yield

    if tiktok:
        TikTokAuth(app, tiktok)
    return cast(ASGIApp, app)


@litestar.route("/", http_method=["GET", "POST"], status_code=200)
async def litestar_index(request: Request[Any, Any, Any]) -> bytes:
    return await request.body() or b"index"


@litestar.get("/stream", status_code=202)
async def litestar_stream() -> Stream:
    async def body() -> AsyncIterator[bytes]:
        for number in range(3):
            await asyncio.sleep(0)
            yield b"%d" % number

    return Stream(body)


@litestar.post("/pieces")
async def litestar_pieces(request: Request[Any, Any, Any]) -> dict[str, list[str]]:
    return {"pieces": [piece.decode() async for piece in request.stream()]}


@litestar.get("/events")
async def litestar_events() -> ServerSentEvent:
    async def events() -> AsyncIterator[str]:
        yield "one"

    return ServerSentEvent(events())


@litestar.get(
    "/cookies",
    response_cookies=[Cookie("a", "b", max_age=60)],
    cache_control=CacheControlHeader(public=True, max_age=60),
)
async def litestar_cookies(request: Request[Any, Any, Any]) -> dict[str, str]:
    return request.cookies


async def do_nothing() -> None:
    pass


@litestar.get("/redirect")
async def litestar_redirect() -> Redirect:
    return Redirect("/elsewhere", background=BackgroundTask(do_nothing))


@litestar.get("/abort/{status:int}")
async def litestar_abort(request: Request[Any, Any, Any]) -> None:
    status = request.path_params["status"]
    if status == 401:
        raise NotAuthorizedException(headers={"WWW-Authenticate": "Basic"})
    raise HTTPException(status_code=status, detail="no")


def refuse_everybody(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    raise PermissionDeniedException


@litestar.get("/error")
async def litestar_error() -> None:
    raise ZeroDivisionError


@litestar.websocket("/echo")
async def litestar_echo(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept(subprotocols="chat", headers=[(b"x-one", b"1")])
    async for text in socket.iter_data("text"):
        await socket.send_text(text)


@litestar.websocket("/refuse", guards=[refuse_everybody])
async def litestar_refuse(socket: WebSocket[Any, Any, Any]) -> None: ...


@litestar.websocket("/close")
async def litestar_close(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.close(4000, "enough")


@litestar.websocket("/fail")
async def litestar_fail(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()
    raise ZeroDivisionError


LITESTAR_HANDLERS = [
    litestar_index,
    litestar_stream,
    litestar_pieces,
    litestar_events,
    litestar_cookies,
    litestar_redirect,
    litestar_abort,
    litestar_error,
    litestar_echo,
    litestar_refuse,
    litestar_close,
    litestar_fail,
]


def litestar_app(tiktok: TikTok | None) -> ASGIApp:
    app: Any = Litestar(
        [*LITESTAR_HANDLERS, create_static_files_router("/static", [FOLDER])],
        on_startup=[do_nothing],
        plugins=[TikTokPlugin(tiktok)] if tiktok else [],
    )
    return cast(ASGIApp, app)


def http(method: str, path: str, *body: bytes, **headers: str) -> tuple[Scope, list[Message]]:
    scope = {**BASE_SCOPE, **new_scope(path, b"q=1", headers.items())}
    chunks = body or (b"",)
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages[-1]["more_body"] = False
    return {**scope, "type": "http", "method": method, "scheme": "https"}, messages


def websocket(path: str, *messages: Message) -> tuple[Scope, list[Message]]:
    scope = {**BASE_SCOPE, **new_scope(path, b"", [("host", "testserver")])}
    extensions: dict[str, Any] = {"websocket.http.response": {}}
    scope |= {"type": "websocket", "scheme": "wss", "subprotocols": ["chat"], "extensions": extensions}
    return scope, [{"type": "websocket.connect"}, *messages, {"type": "websocket.disconnect", "code": 1001}]


CONNECTIONS: dict[str, tuple[Scope, list[Message]]] = {
    **{f"{method} {path}": http(method, path) for method in METHODS for path in ("/", "/x")},
    "body": http("POST", "/", b"whole"),
    "body in pieces": http("POST", "/pieces", b"one", b"two", b"three"),
    "non-ASCII path": http("GET", "/é"),
    "cookies": http("GET", "/cookies", cookie="c=d"),
    "file": http("GET", "/static/__init__.py"),
    "range of a file": http("GET", "/static/oldest.txt", range="bytes=1-3"),
    "missing file": http("GET", "/static/none"),
    **{path: http("GET", path) for path in ("/stream", "/events", "/redirect", "/error")},
    **{f"status {status}": http("GET", f"/abort/{status}") for status in (400, 401, 403, 500)},
    "echo": websocket("/echo", {"type": "websocket.receive", "text": "one"}),
    **{path: websocket(path) for path in ("/refuse", "/close", "/fail", "/nothing")},
    "lifespan": (
        {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}},
        [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}],
    ),
}


async def exchange(app: ASGIApp, scope: Scope, messages: Iterable[Message]) -> list[object]:
    """Return what the app sends and raises in this connection, without the Vary that the middleware adds."""
    sent: list[object] = []
    incoming = iter(messages)
    responded = asyncio.Event()

    async def receive() -> Message:
        message = next(incoming, None)
        if message is not None:
            return {**message}
        await responded.wait()
        return {"type": f"{scope['type']}.disconnect"}

    async def send(message: Message) -> None:
        headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ()) if name != b"date"]
        if VARY_ON_COOKIE in headers:
            headers.remove(VARY_ON_COOKIE)
        sent.append({"more_body": False, **message, "headers": headers})
        if message["type"].endswith(".body") and not message.get("more_body", False):
            responded.set()

    try:
        async with asyncio.timeout(TIMEOUT):
            await app({**scope}, receive, send)
    except Exception as error:
        sent.append(type(error))
    return sent


@pytest.mark.parametrize("build", [quart_app, litestar_app])
@pytest.mark.parametrize("install", ["wrap", "native"])
@pytest.mark.parametrize(("scope", "messages"), CONNECTIONS.values(), ids=CONNECTIONS.keys())
async def test_app_behaves_as_without_the_middleware(
    tiktok: TikTok, build: Build, install: str, scope: Scope, messages: list[Message]
) -> None:
    site = build(tiktok) if install == "native" else TikTokAuthMiddleware(build(None), tiktok)

    expected = await exchange(build(None), scope, messages)

    assert expected
    assert await exchange(site, scope, messages) == expected
