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
