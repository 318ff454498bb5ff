"""The start and stop of an app (ASGI: Lifespan Protocol)."""

import logging
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("asgi_tiktok")


async def serve_lifespan(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, aclose: Callable[[], Awaitable[None]]
) -> None:
    """Let the app start and stop, then call `aclose`. If the app does not support the lifespan, answer for it."""
    begun = False

    async def receive_begun() -> Message:
        nonlocal begun
        begun = True
        return await receive()

    async def send_closing(message: Message) -> None:
        if message["type"].startswith("lifespan.shutdown."):
            await aclose()
        await send(message)

    try:
        await app(scope, receive_begun, send_closing)
    except Exception as error:
        # An app without a lifespan raises before it receives anything; Django does.
        if begun:
            raise
        logger.debug("lifespan not supported by the app: %s", error)
    if not begun:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send_closing({"type": "lifespan.shutdown.complete"})
