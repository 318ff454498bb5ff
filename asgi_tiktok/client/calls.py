"""One request to TikTok: its span, and TikTok's id of it."""

from collections.abc import Awaitable, Callable

import httpx2

from asgi_tiktok.client.printable import printable
from asgi_tiktok.events.tracing import find_telemetry, last_log_id

Send = Callable[[httpx2.Request], Awaitable[httpx2.Response]]


async def traced(request: httpx2.Request, send: Send) -> httpx2.Response:
    """Send the request, and remember its log_id for the events of the current operation."""
    telemetry = find_telemetry()
    response = await (send(request) if telemetry is None else telemetry.call(request, send))
    if last_log_id.get() is not None:
        last_log_id.set(printable(response.headers.get("x-tt-logid", "")))
    return response
