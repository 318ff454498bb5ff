"""The start and stop of an app (ASGI: Lifespan Protocol)."""

import logging
from collections.abc import Awaitable, Callable
from traceback import walk_tb

from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("asgi_tiktok")

DJANGO_HANDLER = "django.core.handlers.asgi"  # raises ValueError for a lifespan


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
        if begun:
            raise
        if not raised_by_django(error):
            logger.warning(
                "the app raised before its lifespan began; ignore this if it does not support the lifespan protocol",
                exc_info=error,
            )
    if not begun:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send_closing({"type": "lifespan.shutdown.complete"})


def raised_by_django(error: Exception) -> bool:
    """True if Django's own handler raised the error, which is known not to support the lifespan protocol."""
    modules = [frame.f_globals.get("__name__") for frame, _ in walk_tb(error.__traceback__)]
    return modules[-1] == DJANGO_HANDLER
