# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "sanic", "uvicorn"]
# ///
"""Sign in with TikTok in Sanic. Use an ASGI server, because Sanic's own server does not run ASGI middleware.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/sanic_app.py` and open http://localhost:8000.
"""

import os
from html import escape

import uvicorn
from sanic import HTTPResponse, Request, Sanic, Unauthorized, html, json

from asgi_tiktok import LoginRequired, TikTokAuthMiddleware, tiktok_button, tiktok_session

sanic = Sanic("videos")


@sanic.get("/")
async def home(request: Request) -> HTTPResponse:
    session = tiktok_session(request)
    if not session.user.is_authenticated:
        return html(tiktok_button(request, next="/"))
    return html(
        f"<p>Hello {escape(session.user.display_name or 'you')}</p>"
        f'<form method="post" action="{escape(session.logout_url(next="/"))}"><button>Sign out</button></form>'
    )


@sanic.get("/me")
async def me(request: Request) -> HTTPResponse:
    try:
        user = tiktok_session(request).require()
    except LoginRequired as error:
        raise Unauthorized(scheme=error.challenge) from error
    return json({"open_id": user.open_id, "name": user.display_name})


app = TikTokAuthMiddleware(sanic)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
