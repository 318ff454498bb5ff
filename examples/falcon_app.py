# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "falcon", "uvicorn"]
# ///
"""Sign in with TikTok in Falcon.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/falcon_app.py` and open http://localhost:8000.
"""

import os
from html import escape
from typing import Any

import falcon
import uvicorn
from falcon.asgi import App, Request, Response

from asgi_tiktok import LoginRequired, TikTokAuthMiddleware, TikTokUser, tiktok_button, tiktok_session


async def require_sign_in(request: Request, response: Response, resource: object, params: dict[str, Any]) -> None:
    """Pass the user to the responder, or raise the error that the middleware replaces with the way to TikTok."""
    try:
        params["user"] = tiktok_session(request).require()
    except LoginRequired as error:
        raise falcon.HTTPUnauthorized(challenges=[error.challenge]) from error


class Home:
    async def on_get(self, request: Request, response: Response) -> None:
        session = tiktok_session(request)
        response.content_type = falcon.MEDIA_HTML
        if not session.user.is_authenticated:
            response.text = tiktok_button(request, next="/")
            return
        response.text = (
            f"<p>Hello {escape(session.user.display_name or 'you')}</p>"
            f'<form method="post" action="{escape(session.logout_url(next="/"))}"><button>Sign out</button></form>'
        )


class Me:
    @falcon.before(require_sign_in)
    async def on_get(self, request: Request, response: Response, user: TikTokUser) -> None:
        response.media = {"open_id": user.open_id, "name": user.display_name}


falcon_app = App()
falcon_app.add_route("/", Home())
falcon_app.add_route("/me", Me())
app = TikTokAuthMiddleware(falcon_app)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
