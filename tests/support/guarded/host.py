"""The app that a server process runs: all apps of the matrix but those of examples/, chosen by two headers."""

import os
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok import TikTokAuthMiddleware
from tests.support.guarded import bare, frameworks, starlette
from tests.support.tiktok import new_tiktok

APPS = {**starlette.APPS, **bare.APPS, **frameworks.APPS}
SAMPLE = (
    *("starlette function", "starlette class", "starlette mount", "starlette catch-all", "fastapi root_path"),
    *("bare begins with", "bare cuts root_path, no slash", "bare adds root_path", "bare everywhere, raw_path"),
    *("quart", "litestar", "django", "starlette with litestar"),
)
"""The apps that are also tried over a socket."""

apps: dict[str, Any] = {}
sites: dict[tuple[str, str], ASGIApp] = {}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        raise RuntimeError("This app has no lifespan.")
    headers = dict(scope["headers"])
    name, guard = headers[b"x-app"].decode(), headers[b"x-guard"].decode()
    if (name, guard) not in sites:
        apps.setdefault(name, APPS[name].build())
        tiktok = new_tiktok(store=f"sqlite:///{os.environ['FOLDER']}/store.sqlite3")
        public = ("/health",) if guard == "/" else ()
        sites[name, guard] = TikTokAuthMiddleware(apps[name], tiktok, protect=(guard,), public=public)
    await sites[name, guard](scope, receive, send)
