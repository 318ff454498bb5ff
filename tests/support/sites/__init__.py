"""One site in each framework, with the same routes, installed in each way that is supported."""

import importlib

from starlette.types import ASGIApp

from asgi_tiktok import TikTok

FRAMEWORKS = {
    "starlette": "Starlette",
    "fastapi": "FastAPI",
    "quart": "Quart",
    "litestar": "Litestar",
    "django": "Django",
    "bare": "bare ASGI",
}
INSTALLS = ("wrap", "native", "mounted")
PREFIX = "/sub"
"""The path at which a `mounted` site is mounted."""


def build_site(framework: str, install: str, tiktok: TikTok) -> ASGIApp:
    """Return the site in this framework, installed in this way."""
    site: ASGIApp = importlib.import_module(f"{__name__}.{framework}").build(tiktok, install)
    return site
