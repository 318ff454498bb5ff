"""Our own routes: login, callback, logout, session, webhook, avatar and the button's style."""

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok.crypto.redaction import Secret
from asgi_tiktok.errors import RequestRefused, StoreError, TikTokError
from asgi_tiktok.events.tracing import operation
from asgi_tiktok.http.fetch_metadata import is_prefetch
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.routes.avatar import Avatar
from asgi_tiktok.routes.button_style import button_style
from asgi_tiktok.routes.callback import LoginCallback
from asgi_tiktok.routes.current_session import CurrentSession
from asgi_tiktok.routes.error_responses import ErrorResponses, unsafe_mount
from asgi_tiktok.routes.login import Login
from asgi_tiktok.routes.logout import Logout
from asgi_tiktok.routes.pages import HEADERS
from asgi_tiktok.routes.pending import PendingLogins
from asgi_tiktok.routes.webhooks import Webhooks
from asgi_tiktok.session import populate_scope
from asgi_tiktok.tiktok import TikTok


class Route(NamedTuple):
    """The methods that a route accepts, and the function that responds to them."""

    methods: tuple[str, ...]
    respond: Callable[[Request, RequestPath], Awaitable[Response]]


class Routes:
    """Serves the requests for one TikTok app's routes."""

    def __init__(self, tiktok: TikTok, error_responses: ErrorResponses) -> None:
        self.tiktok = tiktok
        self.site = tiktok._site
        self.sessions = tiktok._sessions
        self.error_responses = error_responses
        pending = PendingLogins(tiktok)
        login = Login(tiktok, error_responses, pending)
        self.callback = LoginCallback(tiktok, error_responses, pending)
        logout = Logout(tiktok, error_responses)
        self.routes = {
            self.site.login: Route(("GET", "HEAD"), login.start),
            self.site.logout: Route(("GET", "HEAD", "POST"), logout.respond),
            self.site.session: Route(("GET", "HEAD"), CurrentSession(tiktok).respond),
            self.site.webhook: Route(("POST",), Webhooks(tiktok).receive),
            self.site.avatar: Route(("GET", "HEAD"), Avatar(tiktok).respond),
            self.site.button: Route(("GET", "HEAD"), button_style),
        }
        self.operations = {self.site.callback: "tiktok.callback", self.site.webhook: "tiktok.webhook"}
        if tiktok._qr_polls is not None:
            from asgi_tiktok.routes.qr import QRLogins

            qr_logins = QRLogins(tiktok, tiktok._qr_polls, error_responses, login, self.callback)
            route = self.site.optional_route("qr")
            self.routes[route] = Route(("GET",), qr_logins.respond)
            self.operations[route] = "tiktok.qr"
        if tiktok._native_redirect_uris:
            from asgi_tiktok.routes.native import NativeLogins

            native = NativeLogins(tiktok, error_responses)
            route = self.site.optional_route("native")
            self.routes[route] = Route(("POST",), native.respond)
            self.operations[route] = "tiktok.native"

    def varied(self, app: ASGIApp) -> ASGIApp:
        """Return the app. If its users can be in `Authorization`, caches keep its responses apart by that header."""
        if not self.tiktok._native_redirect_uris:
            return app
        from asgi_tiktok.http.bearer import VaryOnAuthorization

        return VaryOnAuthorization(app)

    async def serve(self, scope: Scope, receive: Receive, send: Send, path: RequestPath) -> None:
        """Serve a request for one of the routes, including its errors."""
        route = self.site.callback if path.whole == self.site.callback else path.below
        name = self.operations.get(route)
        with nullcontext() if name is None else operation(name):
            await self.serve_route(route, scope, receive, send, path)

    async def serve_route(self, route: str, scope: Scope, receive: Receive, send: Send, path: RequestPath) -> None:
        request = Request(scope, receive)
        query = Secret(scope["query_string"])
        if route == self.site.callback:
            scope["query_string"] = b""  # because servers write their access logs from the scope
        try:
            await self.attach_user(scope, route, path)
            response = await self.respond(route, request, path, query)
        except TikTokError as error:
            response = await self.error_responses.respond(request, error, path)
            if error.status_code == 405:
                response.headers["Allow"] = ", ".join(self.methods_of(route))
        await response(scope, receive, send)

    async def attach_user(self, scope: Scope, route: str, path: RequestPath) -> None:
        """Set the user in the scope, which hooks and `on_error` read. Raises StoreError where it is the content."""
        self.error_responses.name_app(scope)
        try:
            session = await self.sessions.load(scope["headers"])
        except StoreError as error:
            if route in (self.site.session, self.site.avatar):
                raise
            self.error_responses.warn("store unavailable, request treated as anonymous", error)
        else:
            populate_scope(scope, self.tiktok, session, path.mount)

    async def respond(self, route: str, request: Request, path: RequestPath, query: Secret[bytes]) -> Response:
        site, method = self.site, request.method
        methods = self.methods_of(route)
        if not site.is_safe_mount(path.mount):
            raise unsafe_mount()
        # A mount with parameters has many paths, so redirect_uri may lead to another one of them.
        if route == site.login and not request.path_params:
            site.check_mount(path.mount)
        if method == "OPTIONS":
            return Response(status_code=204, headers={**HEADERS, "Allow": ", ".join(methods)})
        if method not in methods:
            raise RequestRefused(f"{route} does not accept this method.", code="method_not_allowed", status_code=405)
        # A page that is prefetched needs its style.
        if is_prefetch(request.headers) and route != site.button:
            # The visitor has not clicked yet. After 503 a browser asks again on the click; a code stays unused.
            return Response(status_code=204 if route == site.callback else 503, headers=HEADERS)
        if route == site.callback:
            return await self.callback.respond(request, path, query)
        return await self.routes[route].respond(request, path)

    def methods_of(self, route: str) -> tuple[str, ...]:
        return ("GET",) if route == self.site.callback else self.routes[route].methods
