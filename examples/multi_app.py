# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "uvicorn"]
# ///
"""Two sites in one process, each with its own TikTok app. A browser can be signed in at both, as two users.

Register http://localhost:8000/a/callback and http://localhost:8000/b/callback, each for its own app. Set
TIKTOK_A_CLIENT_KEY, TIKTOK_A_CLIENT_SECRET, TIKTOK_A_REDIRECT_URI and the same variables with B. A variable that
both share, for example TIKTOK_SECRET_KEY, needs no letter. To run it with `asgi-tiktok emulator --config apps.toml`,
write one table into apps.toml for each app:

    [[apps]]
    client_key = "sba"
    client_secret = "opens-nothing"
    redirect_uris = ["http://localhost:*/a/callback"]
"""

import os
from html import escape

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from asgi_tiktok import TikTok, TikTokAuthMiddleware, tiktok_button, tiktok_session


async def home(request: Request) -> Response:
    return HTMLResponse(f'<nav><a href="/a/">A</a> <a href="/b/">B</a></nav>{greeting(request)}')


def greeting(request: Request) -> str:
    here = request.url.path
    if not request.user.is_authenticated:
        return tiktok_button(request, next=here, label=f"Continue to {here} with TikTok")
    return (
        f"<p>Hello {escape(request.user.display_name or 'you')}, this is {here}.</p>"
        f'<form method="post" action="{escape(tiktok_session(request).logout_url(next=here))}">'
        "<button>Sign out here</button></form>"
    )


def site(letter: str) -> TikTokAuthMiddleware:
    prefix = f"TIKTOK_{letter}_"
    own = {name.replace(prefix, "TIKTOK_"): value for name, value in os.environ.items() if name.startswith(prefix)}
    # The names of the cookies contain the path, so the two sites do not overwrite each other's cookies.
    tiktok = TikTok.from_env({**os.environ, **own}, path=f"/auth/{letter.lower()}")
    return TikTokAuthMiddleware(Starlette(routes=[Route("/", home)]), tiktok)


async def start(request: Request) -> Response:
    return RedirectResponse("/a/")


app = Starlette(routes=[Route("/", start), Mount("/a", site("A")), Mount("/b", site("B"))])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
