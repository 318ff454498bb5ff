# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "uvicorn"]
# ///
"""Sign in with TikTok without a framework.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/asgi_app.py` and open http://localhost:8000.
"""

import json
import os
from collections.abc import Awaitable, Callable
from html import escape
from typing import Any

import uvicorn
from starlette.requests import HTTPConnection

from asgi_tiktok import TikTokAuthMiddleware, tiktok_button

Send = Callable[[dict[str, Any]], Awaitable[None]]


async def site(scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
    if scope["type"] != "http":
        return
    session = scope["tiktok"]
    if scope["path"] == "/me":
        user = session.require()  # its error becomes the way to TikTok
        await respond(send, 200, "application/json", json.dumps({"open_id": user.open_id, "name": user.display_name}))
    elif scope["path"] != "/":
        await respond(send, 404, "text/plain", "Not found")
    elif session.user.is_authenticated:
        sign_out = (
            f'<form method="post" action="{escape(session.logout_url(next="/"))}"><button>Sign out</button></form>'
        )
        await respond(send, 200, "text/html", f"<p>Hello {escape(session.user.display_name or 'you')}</p>{sign_out}")
    else:
        await respond(send, 200, "text/html", tiktok_button(HTTPConnection(scope), next="/"))


async def respond(send: Send, status: int, content_type: str, body: str) -> None:
    headers = [(b"content-type", f"{content_type}; charset=utf-8".encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})


app = TikTokAuthMiddleware(site)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
