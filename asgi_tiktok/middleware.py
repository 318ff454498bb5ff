"""TikTokAuthMiddleware: answers our routes, and tells the app who is there."""

# Else the annotations of a function inside of another are evaluated at every request.
from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import partial
from typing import Any, TypedDict

from starlette.authentication import AuthCredentials
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send

from asgi_tiktok.accounts.sessions import Session
from asgi_tiktok.errors import ConfigurationError, LoginRequired, RequestRefused, StoreError, TikTokError
from asgi_tiktok.http.cookies import Header
from asgi_tiktok.http.fetch_metadata import is_navigation, is_own, is_preflight
from asgi_tiktok.http.lifespan import serve_lifespan
from asgi_tiktok.http.paths import RequestPath, as_reference, read_path
from asgi_tiktok.http.protection import Protection
from asgi_tiktok.http.response import VARY_ON_COOKIE, adding, covers_cookies, drop, read_challenge
from asgi_tiktok.http.site import leave_litestar_mount
from asgi_tiktok.http.websocket import SessionSocket
from asgi_tiktok.routes.dispatch import Routes
from asgi_tiktok.routes.error_responses import OnError, Responder
from asgi_tiktok.routes.pages import HEADERS
from asgi_tiktok.session import ANONYMOUS, TikTokSession, introduced
from asgi_tiktok.tiktok import TikTok
from asgi_tiktok.validation import check_instance, check_number, check_origins

logger = logging.getLogger("asgi_tiktok")

# Every framework spells the types of ASGI in its own way.
AnyApp = Callable[[Any, Any, Any], Awaitable[None]]

NO_CREDENTIALS = AuthCredentials()
EXAMPLE = "give TikTokAuthMiddleware(app, tiktok)."


class Options(TypedDict, total=False):
    """The keywords of TikTokAuthMiddleware, for those who install it."""

    # Not Iterable: who installs it in two apps would find a generator empty at the second.
    protect: Collection[str]
    public: Collection[str]
    on_error: OnError | None
    websocket_origins: Collection[str]
    allow_missing_origin: bool
    websocket_recheck: int


class TikTokAuthMiddleware:
    """Puts "Continue with TikTok" in front of any ASGI app.

    `scope["user"]`, `scope["auth"]` and `scope["tiktok"]` are set on every request and WebSocket, whoever
    is there. `protect` guards path prefixes and `public` exempts exact paths: a page leads to the login, an
    API call gets 401. `on_error(connection, error)` makes the answers to errors in place of our pages.
    A WebSocket from another origin is refused; `websocket_origins` names those that are welcome.
    `allow_missing_origin` lets a client that sends no Origin, and so is no browser, use a session there. Within
    `websocket_recheck` seconds after a session has ended, its WebSockets are closed with 4401.

    Without `tiktok`, everything comes from the environment: TikTok.from_env().
    """

    def __init__(
        self,
        app: AnyApp,
        tiktok: TikTok | None = None,
        *,
        protect: Iterable[str] = (),
        public: Iterable[str] = (),
        on_error: OnError | None = None,
        websocket_origins: Iterable[str] = (),
        allow_missing_origin: bool = False,
        websocket_recheck: int = 60,
    ) -> None:
        if not callable(app):
            raise ConfigurationError(f"app is a {type(app).__name__}; give TikTokAuthMiddleware(app, tiktok).")
        if type(app).__module__.startswith("litestar.middleware."):
            raise ConfigurationError(
                "Litestar(middleware=...) sees the app's own paths alone, and never our routes; "
                "write Litestar(..., plugins=[TikTokPlugin(tiktok)]), from asgi_tiktok.litestar."
            )
        if on_error is not None and not callable(on_error):
            raise ConfigurationError("on_error must be a function: def on_error(connection, error) -> Response.")
        self.app = app
        self.tiktok = TikTok.from_env() if tiktok is None else check_instance("tiktok", tiktok, TikTok, EXAMPLE)
        self.routes_below = self.tiktok.site.routes
        self.callback = self.tiktok.site.callback
        self.sessions = self.tiktok.sessions
        self.cookie_name = self.sessions.cookie_name
        self.nobody = TikTokSession(self.tiktok, None, "")
        self.protection = Protection(protect, public)
        self.guards = bool(self.protection.prefixes)
        self.responder = Responder(self.tiktok.site, on_error)
        self.routes = Routes(self.tiktok, self.responder)
        self.websocket_origins = check_origins("websocket_origins", websocket_origins) | {self.tiktok.site.origin}
        self.allow_missing_origin = allow_missing_origin
        self.websocket_recheck = check_number("websocket_recheck", websocket_recheck, at_least=1, unit="seconds")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await serve_lifespan(self.app, scope, receive, send, self.tiktok.aclose)
            return
        if "litestar_app" in scope and not scope.get("root_path"):
            leave_litestar_mount(scope)
        path = read_path(scope)
        if scope["type"] != "http":
            await self.serve_other(scope, receive, send, path)
            return
        if path.below in self.routes_below or path.whole == self.callback:
            response = await self.routes.respond(path, Request(scope, receive))
            await response(scope, receive, spelling_out(send))
            return

        try:
            session = None
            # Looked for here, for most visitors show none, and cost little more than this.
            for name, line in scope["headers"]:
                if name == b"cookie" and self.cookie_name in line:
                    session = await self.load(scope, path)
                    if session is None and (set_cookie := self.expired_cookie(scope)):
                        send = adding(send, set_cookie)
                    break
            if session is None and not path.mount:
                # As introduce() does, at half the price: most visitors are nobody.
                scope["tiktok"], scope["user"], scope["auth"] = self.nobody, ANONYMOUS, NO_CREDENTIALS
            else:
                self.introduce(scope, session, path)
            if self.guards and session is None:
                self.guard(scope, path)
        except TikTokError as error:
            await self.refuse(scope, receive, send, error, path)
            return

        await self.app(scope, receive, self.watching(scope, receive, send, path))

    async def serve_other(self, scope: Scope, receive: Receive, send: Send, path: RequestPath) -> None:
        if scope["type"] == "websocket":
            await self.serve_websocket(scope, receive, send, path)
        elif self.protection.covers(path.below):
            logger.warning("refused a connection of the unknown type %r to a protected path", scope["type"])
        else:
            await self.app(scope, receive, send)

    async def serve_websocket(self, scope: Scope, receive: Receive, send: Send, path: RequestPath) -> None:
        connection = HTTPConnection(scope)
        try:
            if self.tiktok.site.route_of(path):
                raise RequestRefused("This route has no WebSocket.", code="method_not_allowed", status_code=403)
            session = await self.load(scope, path) if self.check_origin(connection.headers) else None
            self.introduce(scope, session, path)
            if session is None:
                self.guard(scope, path)
        except TikTokError as error:
            if "websocket.http.response" in (scope.get("extensions") or {}):
                response = await self.responder.respond(connection, error, path)
                await response(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return

        if session is None:
            await self.app(scope, receive, send)
            return
        socket = SessionSocket(receive, send, partial(self.sessions.is_live, session), self.websocket_recheck)
        try:
            await self.app(scope, socket.receive, socket.send)
        finally:
            socket.release()

    async def load(self, scope: Scope, path: RequestPath) -> Session | None:
        """Who is there: nobody while the store does not answer, but on guarded paths that is an error."""
        try:
            return await self.sessions.load(scope["headers"])
        except StoreError as error:
            if self.protection.covers(path.below):
                raise
            self.responder.gate.log(
                logging.WARNING, error.code, "somebody is anonymous, because the store does not answer: %s", error
            )
            return None

    def introduce(self, scope: Scope, session: Session | None, path: RequestPath) -> None:
        """Tell the app who is there."""
        scope["tiktok"] = TikTokSession(self.tiktok, session, path.mount)
        scope["user"] = session.user if session else ANONYMOUS
        scope["auth"] = AuthCredentials(["authenticated", *session.scopes]) if session else NO_CREDENTIALS

    def guard(self, scope: Scope, path: RequestPath) -> None:
        if self.protection.covers(path.below) and not is_preflight(scope):
            raise LoginRequired("This path is protected.")

    def watching(self, scope: Scope, receive: Receive, send: Send, path: RequestPath) -> Send:
        """Pass the app's answer on, varying by cookie; but a challenge in it is ours to answer."""

        def watch(message: Message) -> Awaitable[None]:
            nonlocal send
            if message["type"] == "http.response.start":
                if message["status"] in (401, 403) and (error := read_challenge(message)):
                    answer, send = send, drop
                    return self.refuse(scope, receive, answer, self.answerable(error), path)
                message["headers"] = headers = list(message.get("headers", ()))
                for name, value in headers:
                    if name in (b"vary", b"Vary") and covers_cookies(value):
                        break
                else:
                    headers.append(VARY_ON_COOKIE)
            return send(message)

        # Not async: a coroutine of ours around each message would cost as much as all the rest.
        return watch

    async def refuse(self, scope: Scope, receive: Receive, send: Send, error: TikTokError, path: RequestPath) -> None:
        """Answer a request that needs somebody else; who is signed in already is asked before they leave."""
        connection = HTTPConnection(scope)
        # Not scope["user"], which the app may have replaced.
        session = introduced(scope)
        signed_in = session is not None and session.user.is_authenticated
        next_path = as_reference(path, scope.get("query_string", b"")) if scope["method"] in ("GET", "HEAD") else None
        response: Response
        if isinstance(error, LoginRequired) and not signed_in and next_path and is_navigation(connection.headers):
            login_url = self.responder.login_url(connection, error, path, next_path)
            response = RedirectResponse(login_url, status_code=303, headers=HEADERS)
        else:
            response = await self.responder.respond(connection, error, path, next_path=next_path)
        await response(scope, receive, spelling_out(send))

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

    def expired_cookie(self, scope: Scope) -> Header | None:
        """What makes the browser forget a session cookie that is none of ours."""
        # Plain http cookies are shared by all ports of localhost, so a stranger's may be another app's own.
        if not self.tiktok.site.secure or not is_own(Headers(scope=scope)):
            return None
        cookies = self.sessions.cookies
        return cookies.expire(cookies.session) if self.sessions.has_forgery(scope["headers"]) else None


def spelling_out(send: Send) -> Send:
    """Say that a body ends where ASGI takes it for granted, because Quart's test client does not."""

    async def send_spelt_out(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {"more_body": False, **message}
        await send(message)

    return send_spelt_out
