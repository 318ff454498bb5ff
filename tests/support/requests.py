"""A single request or WebSocket handshake, exact to the byte.

An attack may need a request that no ordinary HTTP client can send.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Scope

RawHeaders = Iterable[tuple[str | bytes, str | bytes]]
DENIAL_RESPONSE = "websocket.http.response"
BASE_SCOPE = {"asgi": {"version": "3.0"}, "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("s", 443)}


@dataclass
class RawResponse:
    """A response, and how many bytes of the request's body the app read."""

    status: int = 0
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    bytes_read: int = 0
    url: str = ""

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def location(self) -> str:
        return self.headers["location"]

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def set_cookie_lines(self) -> dict[str, str]:
        """The Set-Cookie headers by cookie name."""
        return {line.split("=", 1)[0]: line for line in self.headers.getlist("set-cookie")}

    def read_start(self, message: Message) -> None:
        self.status = message["status"]
        self.headers = Headers(raw=[(bytes(name), bytes(value)) for name, value in message.get("headers", ())])


async def send_request(
    app: ASGIApp,
    method: str,
    path: str,
    *,
    query: bytes = b"",
    headers: RawHeaders = (),
    body: bytes | Iterator[bytes] = b"",
    **scope: Any,
) -> RawResponse:
    """Send a request to the app and return the response.

    `path` is `scope["path"]`: a server decodes the path and changes nothing else. `body` is one message, or an
    iterator with one message each. `scope` changes other values of the scope.
    """
    response = RawResponse()
    chunks = iter([body]) if isinstance(body, bytes) else body
    complete = anyio.Event()
    ended = False

    async def receive() -> Message:
        nonlocal ended
        if ended:
            await complete.wait()
            return {"type": "http.disconnect"}
        chunk = next(chunks, None)
        ended = chunk is None or isinstance(body, bytes)
        response.bytes_read += len(chunk or b"")
        return {"type": "http.request", "body": chunk or b"", "more_body": not ended}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            response.read_start(message)
        elif message["type"] == "http.response.body":
            response.body += message.get("body", b"")
            if not message.get("more_body", False):
                complete.set()

    request = {**BASE_SCOPE, "type": "http", "method": method, "scheme": "https", **new_scope(path, query, headers)}
    await app({**request, **scope}, receive, send)
    return response


async def user_of(app: ASGIApp, *cookies: str | bytes) -> str:
    """Return the name of the user whom the app sees behind exactly these Cookie headers."""
    response = await send_request(app, "GET", "/me", headers=[("cookie", cookie) for cookie in cookies])
    assert response.status == 200
    return str(response.json()["name"])


async def open_websocket(
    app: ASGIApp,
    path: str,
    *,
    query: bytes = b"",
    headers: RawHeaders = (),
    extensions: Iterable[str] = (DENIAL_RESPONSE,),
    **scope: Any,
) -> RawResponse:
    """Open a WebSocket. Return status 101 with the first message as the body, or the response that refuses it.

    A close before the handshake counts as status 403, which is what servers make of it.
    """
    response = RawResponse()
    connect = [{"type": "websocket.connect"}]
    closed = anyio.Event()

    async def receive() -> Message:
        if connect:
            return connect.pop()
        await closed.wait()
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Message) -> None:
        if message["type"] == "websocket.accept":
            response.read_start({"status": 101, **message})
        elif message["type"] == "websocket.send":
            response.body = (message.get("text") or "").encode() or message["bytes"]
        elif message["type"] == f"{DENIAL_RESPONSE}.start":
            response.read_start(message)
        elif message["type"] == f"{DENIAL_RESPONSE}.body":
            response.body += message.get("body", b"")
        elif message["type"] == "websocket.close":
            response.status = response.status or 403
            closed.set()

    request = {
        **BASE_SCOPE,
        "type": "websocket",
        "scheme": "wss",
        "subprotocols": [],
        **new_scope(path, query, headers),
    }
    await app({**request, "extensions": {name: {} for name in extensions}, **scope}, receive, send)
    return response


def new_scope(path: str, query: bytes, headers: RawHeaders) -> Scope:
    return {
        "path": path,
        "raw_path": path.encode(errors="replace"),
        "query_string": query,
        "root_path": "",
        "headers": [(to_bytes(name).lower(), to_bytes(value)) for name, value in headers],
        "state": {},
    }


def to_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
