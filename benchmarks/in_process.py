"""Requests without a server: an ASGI app called as uvicorn would, and what one call costs."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

OTHERS = "_ga=GA1.1.1843209576.1763712000; theme=dark; csrftoken=4k2mVq8Zr1xWc7tYb5nD0pLs9hJf3gAe; consent=analytics"
BROWSER = [
    (b"host", b"app.example.com"),
    (b"connection", b"keep-alive"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (b"accept", b"application/json"),
    (b"accept-language", b"en-GB,en;q=0.8,de;q=0.6"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"referer", b"https://app.example.com/"),
    (b"sec-fetch-site", b"same-origin"),
    (b"sec-fetch-mode", b"cors"),
    (b"sec-fetch-dest", b"empty"),
]


@dataclass(frozen=True, slots=True)
class Situation:
    """Who asks for what."""

    name: str
    path: str = "/"
    cookies: bool = True
    signed_in: bool = False
    websocket: bool = False

    def scope(self, cookie: str) -> Scope:
        """The scope of such a request by somebody who, once signed in, has this cookie."""
        shown = OTHERS if self.cookies else ""
        if self.signed_in:
            shown = f"{shown}; {cookie}"
        headers = [*BROWSER, (b"cookie", shown.encode())] if shown else [*BROWSER]
        scope = {"path": self.path, "raw_path": self.path.encode(), "root_path": "", "query_string": b""}
        address = {"http_version": "1.1", "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 50000)}
        if self.websocket:
            headers.append((b"origin", b"https://app.example.com"))
            return {"type": "websocket", "scheme": "wss", "subprotocols": [], "headers": headers, **address, **scope}
        return {"type": "http", "scheme": "https", "method": "GET", "headers": headers, **address, **scope}


SITUATIONS = (
    Situation("anonymous", cookies=False),
    Situation("anonymous, others' cookies"),
    Situation("signed in", signed_in=True),
    Situation("protected, refused", path="/studio"),
    Situation("WebSocket, signed in", signed_in=True, websocket=True),
)


async def receive_request() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def receive_connect() -> Message:
    return {"type": "websocket.connect"}


async def discard(message: Message) -> None:
    """A server that writes nothing."""


async def spend(app: ASGIApp, scope: Scope, times: int, clock: Callable[[], float] = time.thread_time) -> float:
    """Microseconds for one of so many requests, by default of this thread's own time, whatever else is running."""
    receive = receive_connect if scope["type"] == "websocket" else receive_request
    began = clock()
    for _ in range(times):
        await app(dict(scope), receive, discard)
    return (clock() - began) / times * 1e6


async def ask(app: ASGIApp, scope: Scope) -> list[Message]:
    """One request, and all that the app sends."""
    receive: Receive = receive_connect if scope["type"] == "websocket" else receive_request
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    keep: Send = send
    await app(dict(scope), receive, keep)
    return sent
