"""The TikTok app that the clients sign in to, and the type of the fixture `drive`."""

from collections.abc import Callable
from typing import Any

from asgi_tiktok.emulator import App

BASIC = ("user.info.basic",)
WEB = "https://testserver/callback"
DESKTOP = "http://localhost:8000/callback"
APP = App(
    "awinteropclientkey",
    "interop-client-secret-opens-nothing",
    redirect_uris=(
        WEB,
        "https://testserver/auth/callback/tiktok",
        "https://testserver/accounts/tiktok/login/callback/",
        "http://localhost:*/callback",
        "http://localhost:*/auth/callback/tiktok",
        "http://localhost:*/accounts/tiktok/login/callback/",
    ),
)

Drive = Callable[..., dict[str, Any]]
