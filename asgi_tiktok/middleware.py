"""TikTokAuthMiddleware: answers our routes, and tells the app who is there."""

import logging
from collections.abc import Iterable
from urllib.parse import quote

from starlette.authentication import AuthCredentials
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asgi_tiktok.app_answer import AppAnswer
from asgi_tiktok.connection import TikTokSession
from asgi_tiktok.cookies import Header
from asgi_tiktok.errors import ConfigurationError, LoginRequired, RequestRefused, StoreError, TikTokError
from asgi_tiktok.fetch_metadata import is_navigation, is_preflight
from asgi_tiktok.pages import HEADERS
from asgi_tiktok.protection import Protection
from asgi_tiktok.responder import OnError, Responder
from asgi_tiktok.routes import Routes
from asgi_tiktok.sessions import Session
from asgi_tiktok.settings import check_instance, check_origins
from asgi_tiktok.site import route_path
from asgi_tiktok.tiktok import TikTok

logger = logging.getLogger("asgi_tiktok")

NOBODY = AuthCredentials()
EXAMPLE = "give TikTokAuthMiddleware(app, tiktok)."


class TikTokAuthMiddleware:
    """Puts "Continue with TikTok" in front of any ASGI app.

    `scope["user"]`, `scope["auth"]` and `scope["tiktok"]` are set on every request and WebSocket, whoever
    is there. `protect` guards path prefixes and `public` exempts exact paths: a page leads to the login, an
    API call gets 401. `on_error(connection, error)` makes the answers to errors in place of our pages.
    A WebSocket from another origin is refused; `websocket_origins` names those that are welcome.
    `allow_missing_origin` lets a client that sends no Origin, and so is no browser, use a session there.

    Without `tiktok`, everything comes from the environment: TikTok.from_env().
    """

    def __init__(
        self,
        app: ASGIApp,
        tiktok: TikTok | None = None,
        *,
        protect: Iterable[str] = (),
        public: Iterable[str] = (),
        on_error: OnError | None = None,
        websocket_origins: Iterable[str] = (),
        allow_missing_origin: bool = False,
    ) -> None:
        if not callable(app):
            raise ConfigurationError(f"app is a {type(app).__name__}; give TikTokAuthMiddleware(app, tiktok).")
        if on_error is not None and not callable(on_error):
            raise ConfigurationError("on_error must be a function: def on_error(connection, error) -> Response.")
        self.app = app
        self.tiktok = TikTok.from_env() if tiktok is None else check_instance("tiktok", tiktok, TikTok, EXAMPLE)
        self.protection = Protection(protect, public)
        self.responder = Responder(self.tiktok.site, on_error)
        self.routes = Routes(self.tiktok, self.responder)
        self.websocket_origins = check_origins("websocket_origins", websocket_origins) | {self.tiktok.site.origin}
        self.allow_missing_origin = allow_missing_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.serve_http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.serve_websocket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self.app(scope, receive, self.closing(send))
        elif self.protection.covers(route_path(scope)):
            logger.warning("refused a connection of the unknown type %r to a protected path", scope["type"])
        else:
            await self.app(scope, receive, send)

    async def serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if route := self.tiktok.site.handles(scope):
            response = await self.routes.respond(route, Request(scope, receive))
            await response(scope, receive, spelling_out(send))
            return

        connection = HTTPConnection(scope)
        try:
            session = await self.attach(connection)
            self.guard(connection, session)
        except TikTokError as error:
            response = await self.refuse(connection, error)
            await response(scope, receive, spelling_out(send))
            return

        async def answer_challenge(error: LoginRequired) -> None:
            response = await self.refuse(connection, self.answerable(error), signed_in=session is not None)
            await response(scope, receive, spelling_out(send))

        answer = AppAnswer(send, self.expired_cookies(connection.headers, session), answer_challenge)
        await self.app(scope, receive, answer.send)

    async def serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        try:
            if self.tiktok.site.handles(scope):
                raise RequestRefused("This route has no WebSocket.", code="method_not_allowed", status_code=403)
            session = await self.attach(connection, known=self.check_origin(connection.headers))
            self.guard(connection, session)
        except TikTokError as error:
            if "websocket.http.response" in (scope.get("extensions") or {}):
                response = await self.responder.respond(connection, error)
                await response(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return

        await self.app(scope, receive, send)

    async def attach(self, connection: HTTPConnection, *, known: bool = True) -> Session | None:
        """Tell the app who is there; somebody `known` only if they may use their session."""
        scope = connection.scope
        session = None
        try:
            session = await self.tiktok.sessions.load(connection.headers) if known else None
        except StoreError as error:
            if self.protection.covers(route_path(scope)):
                raise
            logger.warning("somebody is anonymous, because the store does not answer: %s", error)
        current = TikTokSession(self.tiktok, session, scope.get("root_path", ""))
        scope["tiktok"] = current
        scope["user"] = current.user
        scope["auth"] = AuthCredentials(["authenticated", *session.scopes]) if session else NOBODY
        return session

    def guard(self, connection: HTTPConnection, session: Session | None) -> None:
        if session is not None or is_preflight(connection.scope, connection.headers):
            return
        if self.protection.covers(route_path(connection.scope)):
            raise LoginRequired("This path is protected.")

    async def refuse(self, connection: HTTPConnection, error: TikTokError, *, signed_in: bool = False) -> Response:
        """The answer to a request that needs somebody else; who is signed in already is asked before they leave."""
        next_path = None
        if connection.scope["method"] in ("GET", "HEAD"):
            next_path = whole_path(connection.scope)
        if isinstance(error, LoginRequired) and not signed_in and next_path and is_navigation(connection.headers):
            login_url = self.responder.login_url(connection, error, next_path)
            return RedirectResponse(login_url, status_code=303, headers=HEADERS)
        return await self.responder.respond(connection, error, next_path=next_path)

    def answerable(self, error: LoginRequired) -> TikTokError:
        """The error, unless it asks for a scope that no login of this app can ask for."""
        try:
            self.tiktok.check_declared(error.scopes)
        except ConfigurationError as mistake:
            return mistake
        return error

    def check_origin(self, headers: Headers) -> bool:
        """Whether the client may use a session on a WebSocket; raises RequestRefused for another site's page."""
        origins = headers.getlist("origin")
        if not origins:
            return self.allow_missing_origin
        if len(origins) == 1 and origins[0] in self.websocket_origins:
            return True
        raise RequestRefused(
            "A page of another origin opened a WebSocket.",
            code="foreign_origin",
            status_code=403,
            hint="Name a welcome one in TikTokAuthMiddleware(websocket_origins=...).",
        )

    def expired_cookies(self, headers: Headers, session: Session | None) -> list[Header]:
        """What makes the browser forget a session cookie that is none of ours."""
        site = headers.get("sec-fetch-site", "none")
        # Plain http cookies are shared by all ports of localhost, so a stranger's may be another app's own.
        if session is not None or not self.tiktok.site.secure or site not in ("none", "same-origin"):
            return []
        sessions = self.tiktok.sessions
        return [sessions.cookies.expire(sessions.cookies.session)] if sessions.has_forgery(headers) else []

    def closing(self, send: Send) -> Send:
        """Close connections when the app has shut down."""

        async def send_closing(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                await self.tiktok.aclose()
            await send(message)

        return send_closing


def spelling_out(send: Send) -> Send:
    """Say that a body ends where ASGI takes it for granted, because Quart's test client does not."""

    async def send_spelt_out(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {"more_body": False, **message}
        await send(message)

    return send_spelt_out


def whole_path(scope: Scope) -> str:
    """The path and query that the visitor asked for, as a browser would write them."""
    path = scope.get("root_path", "") + route_path(scope)
    query = scope.get("query_string", b"").decode("latin-1")
    return quote(path, safe="/:@!$&'()*+,;=-._~") + (f"?{query}" if query else "")
