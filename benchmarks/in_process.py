"""Requests without a server: call an ASGI app as uvicorn does, and measure one call."""

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
    """A kind of visitor and the request that they make."""

    name: str
    path: str = "/"
    cookies: bool = True
    signed_in: bool = False
    websocket: bool = False

    def scope(self, cookie: str) -> Scope:
        """Return the scope of the request. `cookie` is the cookie of a signed-in visitor."""
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
    Situation("anonymous, unrelated cookies"),
    Situation("signed in", signed_in=True),
    Situation("protected, refused", path="/studio"),
    Situation("WebSocket, signed in", signed_in=True, websocket=True),
)


async def receive_request() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def receive_connect() -> Message:
    return {"type": "websocket.connect"}


async def discard(message: Message) -> None:
    """Drop the message, instead of writing it to a socket."""


async def spend(app: ASGIApp, scope: Scope, times: int, clock: Callable[[], float] = time.thread_time) -> float:
    """Return the microseconds of one request, averaged over `times` requests.

    The default clock is the CPU time of this thread, which other processes barely affect.
    """
    receive = receive_connect if scope["type"] == "websocket" else receive_request
    began = clock()
    for _ in range(times):
        await app(dict(scope), receive, discard)
    return (clock() - began) / times * 1e6


async def ask(app: ASGIApp, scope: Scope) -> list[Message]:
    """Make one request, and return all messages that the app sends."""
    receive: Receive = receive_connect if scope["type"] == "websocket" else receive_request
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    keep: Send = send
    await app(dict(scope), receive, keep)
    return sent
