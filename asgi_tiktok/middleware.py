"""TikTokAuthMiddleware: answer our routes, or attach the user and call the app."""

from collections.abc import Iterable

from starlette.types import Receive, Scope, Send

from asgi_tiktok.accounts.session_record import Session
from asgi_tiktok.errors import LoginRequired, StoreError, TikTokError
from asgi_tiktok.http.paths import RequestPath, UnmountedPaths, read_path
from asgi_tiktok.http.protection import Protection
from asgi_tiktok.http.response import AppResponse, with_set_cookie
from asgi_tiktok.routes.dispatch import Routes
from asgi_tiktok.routes.error_responses import ErrorResponses
from asgi_tiktok.routes.live_connections import LiveConnections
from asgi_tiktok.routes.options import AnyApp, OnError, Options, check_middleware_arguments, reusable
from asgi_tiktok.session import ANONYMOUS, NO_CREDENTIALS, TikTokSession, check_outer_tiktok, populate_scope, share
from asgi_tiktok.tiktok import TikTok
from asgi_tiktok.validation import APP_FIX, check_app, check_flag, check_instance

__all__ = ["TikTokAuthMiddleware"]


class TikTokAuthMiddleware:
    """ASGI middleware that adds "Continue with TikTok" to any ASGI app.

    Sets `scope["user"]`, `scope["auth"]` and `scope["tiktok"]` on every connection, also of anonymous visitors.

    Args:
        app (ASGIApp): The app to wrap. Also an attribute.
        tiktok (TikTok | None): The configured TikTok app. Also an attribute. Default: `TikTok.from_env()`.
        protect (Iterable[str]): Path prefixes that require a signed-in user. A page request is redirected
            to the login; an API call gets 401. Default: none.
        public (Iterable[str]): Exact paths that are exempt from `protect`. Default: none.
        skip (Iterable[str]): Path prefixes where no user is looked up and the response is left unchanged, for
            example `/static`. A path that is also in `protect` is guarded. Default: none.
        challenges (bool): Whether a 401 or 403 with a challenge of the scheme TikTok is replaced. Default: True.
        on_error (OnError | None): `on_error(connection, error)` returns a response. Default: our pages.
        websocket_origins (Iterable[str]): Origins that may open a WebSocket besides the app's own. Default: none.
        allow_missing_origin (bool): Whether a client that sends no `Origin` header (so it is not a
            browser) may use a session on a WebSocket. Default: False.
        websocket_recheck (int): Maximum time in seconds between the end of a session and the end of its
            streamed responses and WebSockets (code 4401). Default: 60.

    Raises:
        ConfigurationError: A setting cannot work. The message names the setting and the fix.
    """

    app: AnyApp
    tiktok: TikTok

    @check_middleware_arguments
    def __init__(
        self,
        app: AnyApp,
        tiktok: TikTok | None = None,
        *,
        protect: Iterable[str] = (),
        public: Iterable[str] = (),
        skip: Iterable[str] = (),
        challenges: bool = True,
        on_error: OnError | None = None,
        websocket_origins: Iterable[str] = (),
        allow_missing_origin: bool = False,
        websocket_recheck: int = 60,
    ) -> None:
        protect, public, skip, websocket_origins = map(reusable, (protect, public, skip, websocket_origins))
        options = {name: value for name, value in locals().items() if name in Options.__annotations__}
        self.app = check_app(app)
        self.tiktok = TikTok.from_env() if tiktok is None else check_instance("tiktok", tiktok, TikTok, APP_FIX)
        self._elsewhere = self.tiktok._elsewhere(lambda other: TikTokAuthMiddleware(app, other, **options))
        self._site = self.tiktok._site
        self._own_paths = self._site.routes | {self._site.callback}
        self._unmounted_paths = UnmountedPaths()
        self._cookie_name = self.tiktok._sessions.cookies.name
        self._recall = self.tiktok._sessions.recall
        self._has_bearers = bool(self.tiktok._native_redirect_uris)
        self._anonymous = TikTokSession(self.tiktok, None, "")
        self._protection = Protection(protect, public, skip, self._site.mounts)
        self._error_responses = ErrorResponses(self.tiktok, self.app, on_error)
        self._refuse = self._error_responses.refuse
        self._answer_challenge = self._refuse if check_flag("challenges", challenges) else None
        self._routes = Routes(self.tiktok, self._error_responses)
        self._app = self._routes.varied(self.app)
        parts = (self.tiktok, self._error_responses, self._protection, self._load)
        self._live = LiveConnections(*parts, websocket_origins, allow_missing_origin, websocket_recheck)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3)."""
        if self._elsewhere is not None and (other := self._elsewhere.find(scope.get("headers", ()))):
            await other(scope, receive, send)
            return
        if "tiktok" in scope:
            check_outer_tiktok(scope, self.tiktok)
        if scope["type"] != "http":
            await self._live.serve_other(self.app, scope, receive, send)
            return
        mount = scope.get("root_path")
        path = read_path(scope) if mount else self._unmounted_paths[scope["path"]]
        anonymous = TikTokSession(self.tiktok, None, mount, scope["headers"]) if mount else self._anonymous
        scope["tiktok"], scope["user"], scope["auth"] = anonymous, ANONYMOUS, NO_CREDENTIALS
        if (mount or path.below in self._own_paths) and self._site.route_of(path):
            await self._routes.serve(scope, receive, send, path)
            return
        if self._protection.skipped and self._protection.skips(path, scope):
            await self.app(scope, receive, send)
            return

        try:
            session = cookies = None
            # Most visitors send no session cookie, and finding that out here is cheaper than calling `_load`.
            for name, line in scope["headers"]:
                if name == b"cookie" and self._cookie_name in line:
                    cookies = line if cookies is None else cookies + b";" + line
            if cookies is not None:
                entry = self._recall(cookies)
                session = await self._load(scope, path) if entry is None else entry.session
                if session is None and (set_cookie := self.tiktok._sessions.cookies.expire_forged(scope)):
                    send = with_set_cookie(send, set_cookie)
                if entry is None or mount:
                    populate_scope(scope, self.tiktok, session, path.mount)
                else:
                    scope["tiktok"], scope["user"], scope["auth"] = entry.shared or share(self.tiktok, entry, cookies)
            elif self._has_bearers and (session := await self._load(scope, path)):
                populate_scope(scope, self.tiktok, session, path.mount)
            if session is None and self._protection.prefixes and self._protection.covers(path, scope):
                raise LoginRequired("This path is protected.")
        except TikTokError as error:
            await self._refuse(scope, receive, send, error, path)
            return

        response = AppResponse(scope, receive, send, path, self._answer_challenge, session, self._live)
        receive = receive if session is None else response.receive
        try:
            await self._app(scope, receive, response.send)
        except LoginRequired as error:
            if not await response.resolve(error):
                raise
        finally:
            if response.live is not None:
                response.live.release()

    async def _load(self, scope: Scope, path: RequestPath) -> Session | None:
        """The session of the request. While the store is unavailable: None, or StoreError on a guarded path."""
        try:
            return await self.tiktok._sessions.load(scope["headers"])
        except StoreError as error:
            if self._protection.covers(path, scope):
                raise
            self._error_responses.warn("store unavailable, request treated as anonymous", error)
            return None
