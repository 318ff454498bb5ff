"""The developer's app, or an app that shows why the developer's app cannot be imported."""

import html
import logging
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from hashlib import sha256
from typing import Any

from uvicorn.importer import import_from_string

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

# The script asks each second, because a page that reloads itself loses its place in a screen reader.
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; background: Canvas }}
body {{ font: 17px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 32px 24px; max-width: 960px }}
h1 {{ font-size: 24px }}
h1, .cause {{ overflow-wrap: anywhere }}
.cause {{ font-weight: 700 }}
pre {{ overflow-x: auto; padding: 16px; border: 1px solid GrayText; border-radius: 12px; font-size: 14px }}
</style>
<h1>{title}</h1>
<p class="cause">{cause}</p>
<p>Correct it and save the file. This page then opens the app by itself.</p>
<pre tabindex="0">{details}</pre>
<script>
setInterval(async () => {{
  try {{
    // Not followed, because the app may redirect to another origin, which scripts cannot read.
    const response = await fetch(location.href, {{redirect: "manual"}})
    if (response.headers.get("ETag") !== '{etag}') location.reload()
  }} catch {{
    // The app is restarting.
  }}
}}, 1000)
</script>
</html>
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
    """Return an app whose every page shows the error until the app responds again."""
    cause = details.strip().rpartition("\n")[2]
    etag = f'"{sha256((title + details).encode()).hexdigest()}"'
    page = PAGE.format(title=html.escape(title), cause=html.escape(cause), details=html.escape(details), etag=etag)
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"etag", etag.encode()),
    ]

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "http":
            await send({"type": "http.response.start", "status": 500, "headers": headers})
            await send({"type": "http.response.body", "body": page.encode()})
        else:
            await send({"type": "websocket.close", "code": 1011})

    return app
