"""The demo site: what an app with "Continue with TikTok" looks like from inside and outside."""

import json
import secrets
from urllib.parse import quote, urlsplit

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok.demo.pages import Pages
from asgi_tiktok.middleware import TikTokAuthMiddleware
from asgi_tiktok.session import tiktok_session
from asgi_tiktok.tiktok import TikTok

PROTECTED = ("/profile", "/studio")


def demo_site(tiktok: TikTok, emulator_url: str) -> ASGIApp:
    """The demo site with the middleware in front, at the one address that it is registered for."""
    site = DemoSite(tiktok, Pages(emulator_url))
    app = Starlette(
        routes=[
            Route("/", site.home),
            Route("/profile", site.profile),
            Route("/studio", site.studio),
            Route("/signed-out", site.signed_out),
        ],
        exception_handlers={404: site.missing},
    )
    return OneAddress(TikTokAuthMiddleware(app, tiktok, protect=PROTECTED), tiktok.site.origin)


class DemoSite:
    """The pages of the demo."""

    def __init__(self, tiktok: TikTok, pages: Pages) -> None:
        self.scopes = tiktok.client.scopes + tiktok.optional_scopes
        self.tiktok = tiktok
        self.pages = pages

    async def home(self, request: Request) -> Response:
        return self.pages.render("home.html", request, snippet=self.snippet())

    async def profile(self, request: Request) -> Response:
        session = tiktok_session(request)
        sees = {"user": request.user.to_dict(), "scopes": session.scopes}
        return self.pages.render(
            "profile.html",
            request,
            snippet=self.snippet(),
            scopes=[(scope, scope in session.scopes) for scope in self.scopes],
            sees=json.dumps(sees, indent=2, ensure_ascii=False),
        )

    async def studio(self, request: Request) -> Response:
        return self.pages.render("studio.html", request)

    async def signed_out(self, request: Request) -> Response:
        if request.user.is_authenticated:
            return RedirectResponse("/", status_code=303)
        return self.pages.render("signed_out.html", request)

    async def missing(self, request: Request, error: Exception) -> Response:
        return self.pages.render("missing.html", request, status_code=404)

    def snippet(self) -> str:
        """The code that gives an app of the reader's own the sign-in of this demo."""
        client = self.tiktok.client
        return SNIPPET.format(
            client_key=client.client_key,
            client_secret=client.client_secret,
            secret_key=secrets.token_urlsafe(32),
            base_url=client.endpoints.api,
        )


SNIPPET = """\
from asgi_tiktok import TikTok, TikTokAuthMiddleware

tiktok = TikTok(
    client_key="{client_key}",
    client_secret="{client_secret}",
    redirect_uri="http://localhost:5000/auth/tiktok/callback",
    # Made for you just now; keep it out of your repository.
    secret_key="{secret_key}",
    # The emulator of this demo; without it, the real TikTok.
    base_url="{base_url}",
)
app = TikTokAuthMiddleware(app, tiktok)
"""


class OneAddress:
    """Leads a visitor of another name of this machine, say 127.0.0.1, to the one that logins return to."""

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self.app = app
        self.origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self.is_home(scope):
            await self.app(scope, receive, send)
            return

        query = "?" + scope["query_string"].decode("latin-1") if scope["query_string"] else ""
        response = RedirectResponse(self.origin + quote(scope["path"]) + query, status_code=307)
        await response(scope, receive, send)

    def is_home(self, scope: Scope) -> bool:
        host = HTTPConnection(scope).headers.get("host", "")
        return host.partition(":")[0].lower() == urlsplit(self.origin).hostname
