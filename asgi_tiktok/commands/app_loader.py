"""The developer's app, or an app that shows why the developer's app cannot be imported."""

import html
import logging
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from uvicorn.importer import import_from_string

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

PAGE = """<!doctype html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 17px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 32px 24px; max-width: 960px }}
h1 {{ font-size: 24px }}
pre {{ overflow-x: auto; padding: 16px; border-radius: 12px; background: #8882; font-size: 14px }}
</style>
<h1>{title}</h1>
<p>Correct it and save the file. This page then opens the app by itself.</p>
<pre>{details}</pre>
"""

logger = logging.getLogger("asgi_tiktok")


def load_app(target: str, *, factory: bool) -> ASGIApp:
    """Import the app, and call it if it is a factory. If it raises, return an app that shows the error."""
    try:
        app: ASGIApp = import_from_string(target)
        return with_failed_start(app() if factory else app)  # type: ignore[call-arg,arg-type]
    except (Exception, SystemExit) as error:
        logger.error("%s cannot be imported", target, exc_info=error)
        return broken_app(f"{target} cannot be imported", "".join(traceback.format_exception(error)))


def with_failed_start(app: ASGIApp) -> ASGIApp:
    """Return the app. If its lifespan reports that it cannot start, every page shows the error."""
    current = app

    async def started_app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        async def send_started(message: MutableMapping[str, Any]) -> None:
            nonlocal current
            if message["type"] == "lifespan.startup.failed":
                details = message.get("message", "")
                logger.error("the app cannot start: %s", details)
                current = broken_app("The app cannot start", details)
                message = {"type": "lifespan.startup.complete"}
            await send(message)

        await current(scope, receive, send_started if scope["type"] == "lifespan" else send)

    return started_app


def broken_app(title: str, details: str) -> ASGIApp:
    """Return an app whose every page shows the error, and is loaded again each second."""
    page = PAGE.format(title=html.escape(title), details=html.escape(details)).encode()
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-store")]

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "http":
            await send({"type": "http.response.start", "status": 500, "headers": headers})
            await send({"type": "http.response.body", "body": page})
        else:
            await send({"type": "websocket.close", "code": 1011})

    return app
