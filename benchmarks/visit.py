"""A minimal HTTP client, so that most of the CPU time is left for the workers."""

import asyncio
import json
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """The status of a response, and its JSON body; an empty dict if the body is not JSON."""

    status: int
    facts: dict[str, Any]


class Lost(Exception):
    """The connection was closed before the response was complete."""


async def get(port: int, target: str, *, cookie: str = "", timeout: float = 60) -> Answer:
    """Send a GET request to a worker on this machine, on a new connection. Raises Lost."""
    try:
        async with asyncio.timeout(timeout):
            return await ask(port, target, cookie)
    except (OSError, ValueError, TimeoutError) as error:
        raise Lost(str(error)) from error


async def ask(port: int, target: str, cookie: str) -> Answer:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(new_request("GET", target, cookie, "Connection: close"))
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    is_json = b"content-type: application/json" in head.lower()
    return Answer(int(head[9:12]), json.loads(body) if is_json else {})


def new_request(method: str, target: str, cookie: str, *lines: str) -> bytes:
    head = [f"{method} {target} HTTP/1.1", "Host: localhost:8000", "Accept: application/json", *lines]
    if cookie:
        head.append(f"Cookie: {cookie}")
    return "\r\n".join([*head, "", ""]).encode()


class Visitor:
    """Sends one request after another to a worker, on one connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, target: str, cookie: str) -> int:
        """Return the status of the response to a GET request."""
        return await self.ask(new_request("GET", target, cookie))

    async def post(self, target: str, cookie: str) -> int:
        """Return the status of the response to an empty form from a page of the site."""
        return await self.ask(
            new_request("POST", target, cookie, "Origin: http://localhost:8000", "Content-Length: 0")
        )

    async def ask(self, request: bytes) -> int:
        try:
            return await self.exchange(request)
        except (OSError, EOFError):
            # The worker closes a connection that was idle for some seconds.
            self.close()
            return await self.exchange(request)

    async def exchange(self, request: bytes) -> int:
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length or 0))
        return int(head[9:12])

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None
