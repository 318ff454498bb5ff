# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "blacksheep", "uvicorn"]
# ///
"""Sign in with TikTok in BlackSheep.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/blacksheep_app.py` and open http://localhost:8000.
"""

import os
from html import escape

import uvicorn
from blacksheep import Application, Request, Response, get, html, json

from asgi_tiktok import LoginRequired, TikTokAuthMiddleware, tiktok_button, tiktok_session

blacksheep = Application()


@blacksheep.exception_handler(LoginRequired)
async def challenge(self: Application, request: Request, error: LoginRequired) -> Response:
    """Turn the error of `require` into a response that the middleware replaces with the way to TikTok."""
    return Response(error.status_code, [(b"WWW-Authenticate", error.challenge.encode())])


@get("/")
async def home(request: Request) -> Response:
    session = tiktok_session(request)
    if not session.user.is_authenticated:
        return html(tiktok_button(request, next="/"))
    return html(
        f"<p>Hello {escape(session.user.display_name or 'you')}</p>"
        f'<form method="post" action="{escape(session.logout_url(next="/"))}"><button>Sign out</button></form>'
    )


@get("/me")
async def me(request: Request) -> Response:
    user = tiktok_session(request).require()
    return json({"open_id": user.open_id, "name": user.display_name})


app = TikTokAuthMiddleware(blacksheep)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
