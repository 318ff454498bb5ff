"""One request or handshake to the byte, for much of an attack is what no well-meant client would send."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Scope

RawHeaders = Iterable[tuple[str | bytes, str | bytes]]
DENIAL = "websocket.http.response"
EVERYTHING = {"asgi": {"version": "3.0"}, "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("s", 443)}


@dataclass
class Answer:
    """What came back, and how many bytes of the request's body were taken."""

    status: int = 0
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    taken: int = 0
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
    def cookies_set(self) -> dict[str, str]:
        """The Set-Cookie lines by cookie name."""
        return {line.split("=", 1)[0]: line for line in self.headers.getlist("set-cookie")}

    def read_start(self, message: Message) -> None:
        self.status = message["status"]
        self.headers = Headers(raw=[(bytes(name), bytes(value)) for name, value in message.get("headers", ())])


async def ask(
    app: ASGIApp,
    method: str,
    path: str,
    *,
    query: bytes = b"",
    headers: RawHeaders = (),
    body: bytes | Iterator[bytes] = b"",
    **scope: Any,
) -> Answer:
    """The answer to a request; `path` is what a server makes of it, decoded and otherwise as it was sent."""
    answer = Answer()
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
        answer.taken += len(chunk or b"")
        return {"type": "http.request", "body": chunk or b"", "more_body": not ended}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.read_start(message)
        elif message["type"] == "http.response.body":
            answer.body += message.get("body", b"")
            if not message.get("more_body", False):
                complete.set()

    request = {**EVERYTHING, "type": "http", "method": method, "scheme": "https", **common(path, query, headers)}
    await app({**request, **scope}, receive, send)
    return answer


async def handshake(
    app: ASGIApp, path: str, *, query: bytes = b"", headers: RawHeaders = (), extensions: Iterable[str] = (DENIAL,)
) -> Answer:
    """What a WebSocket tells first, with status 101, or the refusal; 403 is what servers make of a close."""
    answer = Answer()
    connect = [{"type": "websocket.connect"}]
    closed = anyio.Event()

    async def receive() -> Message:
        if connect:
            return connect.pop()
        await closed.wait()
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Message) -> None:
        if message["type"] == "websocket.accept":
            answer.read_start({"status": 101, **message})
        elif message["type"] == "websocket.send":
            answer.body = (message.get("text") or "").encode() or message["bytes"]
        elif message["type"] == f"{DENIAL}.start":
            answer.read_start(message)
        elif message["type"] == f"{DENIAL}.body":
            answer.body += message.get("body", b"")
        elif message["type"] == "websocket.close":
            answer.status = answer.status or 403
            closed.set()

    request = {**EVERYTHING, "type": "websocket", "scheme": "wss", "subprotocols": [], **common(path, query, headers)}
    await app({**request, "extensions": {name: {} for name in extensions}}, receive, send)
    return answer


def common(path: str, query: bytes, headers: RawHeaders) -> Scope:
    return {
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": [(to_bytes(name).lower(), to_bytes(value)) for name, value in headers],
        "state": {},
    }


def to_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
