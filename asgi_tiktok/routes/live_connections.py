"""Connections that outlast a request: the lifespan, WebSockets, and streamed responses. A session ends its own."""

from collections.abc import Awaitable, Callable, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asgi_tiktok.accounts.session_record import Session
from asgi_tiktok.errors import ConfigurationError, LoginRequired, RequestRefused, TikTokError
from asgi_tiktok.event_loop import running_loop
from asgi_tiktok.http.lifespan import serve_lifespan
from asgi_tiktok.http.live import LiveConnection
from asgi_tiktok.http.paths import RequestPath, read_path
from asgi_tiktok.http.protection import Protection
from asgi_tiktok.http.websocket import check_origin
from asgi_tiktok.routes.error_responses import ErrorResponses
from asgi_tiktok.routes.required_scopes import required_scopes
from asgi_tiktok.session import populate_scope
from asgi_tiktok.tiktok import TikTok
from asgi_tiktok.validation import check_flag, check_number, check_origins

Load = Callable[[Scope, RequestPath], Awaitable[Session | None]]


class LiveConnections:
    """Serves such connections for one middleware. `load` reads a session from the store."""

    def __init__(
        self,
        tiktok: TikTok,
        error_responses: ErrorResponses,
        protection: Protection,
        load: Load,
        websocket_origins: Iterable[str],
        allow_missing_origin: bool,
        websocket_recheck: int,
    ) -> None:
        self.tiktok = tiktok
        self.site = tiktok._site
        self.sessions = tiktok._sessions
        self.memories = tiktok._memories
        self.error_responses = error_responses
        self.protection = protection
        self.load = load
        self.origins = check_origins("websocket_origins", websocket_origins) | {self.site.origin}
        self.allow_missing_origin = check_flag("allow_missing_origin", allow_missing_origin)
        self.recheck: float = check_number("websocket_recheck", websocket_recheck, at_least=1, unit="seconds")

    async def serve_other(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection that is not a request."""
        if scope["type"] == "lifespan":
            await self.serve_lifespan(app, scope, receive, send)
        elif scope["type"] == "websocket":
            await self.serve_websocket(app, scope, receive, send)
        elif self.protection.covers(read_path(scope), scope):
            self.error_responses.refuse_unknown(scope)
        else:
            await app(scope, receive, send)

    async def serve_lifespan(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app start, unless one of its routes requires a scope that no login can request."""
        try:
            # Starlette sets scope["app"] before it calls its own middleware.
            for route, scopes in required_scopes(scope.get("app", app)):
                self.tiktok._check_declared(scopes, route=route)
        except ConfigurationError as error:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await serve_lifespan(app, scope, receive, send, self.tiktok.aclose)

    async def serve_websocket(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the handshake of a WebSocket, or call the app, which may also refuse it by raising LoginRequired."""
        path = read_path(scope)
        populate_scope(scope, self.tiktok, None, path.mount)
        try:
            if self.site.route_of(path):
                raise RequestRefused("This route has no WebSocket.", code="method_not_allowed", status_code=403)
            allowed = check_origin(scope, self.origins, allow_missing=self.allow_missing_origin)
            headers, cookies = scope["headers"], self.sessions.cookies
            line = cookies.line(headers) if allowed or cookies.is_bearer(headers) else b""
            entry = self.memories.recall(line)
            session = entry.session if entry else await self.load(scope, path) if line else None
            if session:
                running_loop()  # the checks whether the session is live need it
                populate_scope(scope, self.tiktok, session, path.mount)
            elif self.protection.covers(path, scope):
                raise LoginRequired("This path is protected.")
        except TikTokError as error:
            await self.error_responses.refuse_websocket(scope, receive, send, error, path)
            return
        answered = False

        def send_answer(message: Message) -> Awaitable[None]:
            nonlocal answered
            answered = True
            return send(message)

        try:
            if session is None:
                await app(scope, receive, send_answer)
            else:
                await self.serve(app, scope, receive, send_answer, session)
        except LoginRequired as error:
            if answered:
                raise
            await self.error_responses.refuse_websocket(scope, receive, send, error, path)

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, session: Session) -> None:
        """Call the app with a connection that ends after its session has ended."""
        connection = LiveConnection(scope, receive, send, self, session)
        try:
            await app(scope, connection.receive, connection.send)
        finally:
            connection.release()

    async def is_live(self, session: Session) -> bool:
        """Return False once the session has ended."""
        return await self.sessions.is_live(session)

    def watch(self, session: Session, callback: Callable[[], object]) -> None:
        """Call back when the session may have ended, at once if it may have ended already, until `unwatch`."""
        self.memories.here().watch(session.name, callback)

    def unwatch(self, session: Session, callback: Callable[[], object]) -> None:
        """Stop calling back."""
        self.memories.here().unwatch(session.name, callback)
