"""The demo site, an example of an app with "Continue with TikTok"."""

import json
from urllib.parse import quote, urlsplit

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok.demo.pages import Pages
from asgi_tiktok.demo.programs import programs
from asgi_tiktok.middleware import TikTokAuthMiddleware
from asgi_tiktok.session import tiktok_session
from asgi_tiktok.tiktok import TikTok


def demo_site(tiktok: TikTok, emulator_url: str) -> ASGIApp:
    """Return the demo site, wrapped in the middleware and in the redirect to its registered address."""
    site = DemoSite(tiktok, Pages(emulator_url))
    app = Starlette(
        routes=[
            Route("/", site.home),
            Route("/profile", site.profile),
            Route("/studio", site.studio),
            Route("/signed-out", site.signed_out),
        ],
        exception_handlers={404: site.not_found},
    )
    return redirect_to_origin(TikTokAuthMiddleware(app, tiktok, protect=("/profile", "/studio")), tiktok._site.origin)


class DemoSite:
    """The pages of the demo."""

    def __init__(self, tiktok: TikTok, pages: Pages) -> None:
        self.scopes = tiktok._client.scopes + tiktok._optional_scopes
        self.tiktok = tiktok
        self.pages = pages

    async def home(self, request: Request) -> Response:
        return self.pages.render("home.html", request, programs=programs(self.tiktok))

    async def profile(self, request: Request) -> Response:
        session = tiktok_session(request)
        scopes = [(scope, scope in session.scopes) for scope in self.scopes]
        seen = json.dumps({"user": request.user.to_dict(), "scopes": session.scopes}, indent=2, ensure_ascii=False)
        return self.pages.render("profile.html", request, programs=programs(self.tiktok), scopes=scopes, seen=seen)

    async def studio(self, request: Request) -> Response:
        return self.pages.render("studio.html", request)

    async def signed_out(self, request: Request) -> Response:
        if request.user.is_authenticated:
            return RedirectResponse("/", status_code=303)
        return self.pages.render("signed_out.html", request)

    async def not_found(self, request: Request, error: Exception) -> Response:
        return self.pages.render("not_found.html", request, status_code=404)


def redirect_to_origin(app: ASGIApp, origin: str) -> ASGIApp:
    """Redirect requests for another name of this machine, for example 127.0.0.1, to the registered origin."""

    async def redirecting(scope: Scope, receive: Receive, send: Send) -> None:
        responder = app
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host", "").partition(":")[0].lower()
            if host != urlsplit(origin).hostname:
                query = "?" + scope["query_string"].decode("latin-1") if scope["query_string"] else ""
                responder = RedirectResponse(origin + quote(scope["path"]) + query, status_code=307)
        await responder(scope, receive, send)

    return redirecting
