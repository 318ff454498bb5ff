"""An app in a container, which signs in with an emulator in another one: see compose.yaml."""

from html import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from asgi_tiktok import TikTokAuthMiddleware, tiktok_button


async def home(request: Request) -> HTMLResponse:
    if not request.user.is_authenticated:
        return HTMLResponse(tiktok_button(request))
    return HTMLResponse(f"<p>Hello, {escape(request.user.display_name)}!</p>")


app = TikTokAuthMiddleware(Starlette(routes=[Route("/", home)]))  # settings from the environment
