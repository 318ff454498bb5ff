# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "litestar", "uvicorn"]
# ///
"""Sign in with TikTok in Litestar.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/litestar_app.py` and open http://localhost:8000.
The API documentation at /schema shows which routes require a sign-in.
"""

import os
from html import escape
from typing import Any

import uvicorn
from litestar import Litestar, MediaType, Request, get

from asgi_tiktok import AnonymousUser, TikTokUser, tiktok_button, tiktok_session
from asgi_tiktok.litestar import CurrentUser, TikTokPlugin, requires_scope


@get("/", media_type=MediaType.HTML)
async def home(request: Request[TikTokUser | AnonymousUser, Any, Any]) -> str:
    if not request.user.is_authenticated:
        return tiktok_button(request, next="/")
    logout_url = escape(tiktok_session(request).logout_url(next="/"))
    sign_out = f'<form method="post" action="{logout_url}"><button>Sign out</button></form>'
    return f"<p>Hello {escape(request.user.display_name or 'you')}</p>{sign_out}"


@get("/me")
async def me(current_user: CurrentUser) -> dict[str, str | None]:
    return {"open_id": current_user.open_id, "name": current_user.display_name}


@get("/picture", guards=[requires_scope("user.info.basic")])
async def picture(request: Request[TikTokUser, Any, Any]) -> dict[str, str | None]:
    return {"avatar_url": request.user.avatar_url}


app = Litestar([home, me, picture], plugins=[TikTokPlugin()])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
