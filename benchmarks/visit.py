"""One request on a connection of its own, far cheaper than a client's, so that workers are the ones who work."""

import asyncio
import json
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What came back: the status, and the JSON of the body, or nothing."""

    status: int
    facts: dict[str, Any]


class Lost(Exception):
    """The connection ended before the answer did."""


async def get(port: int, target: str, *, cookie: str = "", timeout: float = 60) -> Answer:
    """GET a page from a worker on this machine. Raises Lost."""
    try:
        async with asyncio.timeout(timeout):
            return await ask(port, target, cookie)
    except (OSError, ValueError, TimeoutError) as error:
        raise Lost(str(error)) from error


async def ask(port: int, target: str, cookie: str) -> Answer:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        lines = [f"GET {target} HTTP/1.1", "Host: localhost:8000", "Accept: application/json", "Connection: close"]
        if cookie:
            lines.append(f"Cookie: {cookie}")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    status = int(head[9:12])
    is_json = b"content-type: application/json" in head.lower()
    return Answer(status, json.loads(body) if is_json else {})
