# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "uvicorn"]
# ///
"""Sign in with TikTok in Starlette.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/starlette_app.py` and open http://localhost:8000.
"""

import os
from html import escape

import uvicorn
from starlette.applications import Starlette
from starlette.authentication import requires
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from asgi_tiktok import TikTokAuthMiddleware, tiktok_session


async def home(request: Request) -> Response:
    session = tiktok_session(request)
    if not request.user.is_authenticated:
        return HTMLResponse(f'<a href="{escape(session.login_url(next="/"))}">Continue with TikTok</a>')
    return HTMLResponse(
        f"<p>Hello {escape(request.user.display_name or 'you')}</p>"
        f'<form method="post" action="{escape(session.logout_url(next="/"))}"><button>Sign out</button></form>'
    )


@requires("user.info.basic")
async def me(request: Request) -> Response:
    return JSONResponse({"open_id": request.user.open_id, "name": request.user.display_name})


app = Starlette(
    routes=[Route("/", home), Route("/me", me)],
    middleware=[Middleware(TikTokAuthMiddleware)],
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
