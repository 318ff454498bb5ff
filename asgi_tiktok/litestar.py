"""Litestar's own idiom: a plugin that installs the middleware, guards, and dependencies.

The guards and `current_user` work behind TikTokAuthMiddleware(app, tiktok), too.
"""

from collections.abc import Sequence
from copy import copy
from functools import partial
from typing import Any, Unpack, cast
from urllib.parse import unquote

from litestar import Litestar, Request, Response, asgi
from litestar.config.app import AppConfig
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.enums import ScopeType
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    PermissionDeniedException,
    WebSocketException,
)
from litestar.exceptions.responses import create_exception_response
from litestar.handlers import ASGIRouteHandler, BaseRouteHandler, HTTPRouteHandler
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins import InitPlugin
from litestar.plugins.base import ReceiveRoutePlugin
from litestar.routes import ASGIRoute, BaseRoute, WebSocketRoute
from litestar.types import Message, Receive, Scope, Send
from starlette.types import ASGIApp

from asgi_tiktok.errors import ConfigurationError, LoginRequired, ScopeRequired
from asgi_tiktok.http.response import VARY_ON_COOKIE, covers_cookies
from asgi_tiktok.middleware import TikTokAuthMiddleware
from asgi_tiktok.models import TikTokUser
from asgi_tiktok.routes.options import Options
from asgi_tiktok.session import TikTokSession, tiktok_session
from asgi_tiktok.tiktok import TikTok
from asgi_tiktok.validation import check_instance, check_scopes

__all__ = ["CurrentUser", "TikTokPlugin", "current_user", "login_required", "mount", "requires_scope"]

EXAMPLE = "Write plugins=[TikTokPlugin(tiktok)]."
SCHEME = "TikTok"
DESCRIPTION = "Open `{login}` in this browser and sign in with TikTok: the cookie then goes with each request."

Connection = ASGIConnection[Any, Any, Any, Any]


class TikTokPlugin(InitPlugin, ReceiveRoutePlugin):
    """Puts the middleware in front of a Litestar app: `Litestar(..., plugins=[TikTokPlugin(tiktok)])`.

    The keywords are those of TikTokAuthMiddleware. The plugin provides the dependency `current_user`, which
    handlers name with the type CurrentUser.

    Without `tiktok`, everything comes from the environment: TikTok.from_env().
    """

    def __init__(
        self,
        tiktok: TikTok | None = None,
        **options: Unpack[Options],
    ) -> None:
        self.tiktok = TikTok.from_env() if tiktok is None else check_instance("tiktok", tiktok, TikTok, EXAMPLE)
        self.app: Litestar | None = None
        self.in_front_of = partial(TikTokAuthMiddleware, tiktok=self.tiktok, **options)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Called by Litestar while it makes the app."""
        self.app = None
        app_config.exception_handlers = {LoginRequired: answer, **app_config.exception_handlers}
        app_config.dependencies.setdefault("current_user", Provide(current_user))
        app_config.on_shutdown.append(self.tiktok.aclose)
        if app_config.openapi_config:
            app_config.openapi_config = config = copy(app_config.openapi_config)
            others = config.components if isinstance(config.components, list) else [config.components]
            config.components = [*others, self.security_scheme()]
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Called by Litestar for each route of the app."""
        handlers = handlers_of(route)
        if self.app is None:
            self.app = app = handlers[0].app
            wrap_at_first_call(app, self.in_front_of(app))
        for handler in handlers:
            if isinstance(handler, HTTPRouteHandler):
                show_padlock(handler)

    def security_scheme(self) -> Components:
        """The padlock in OpenAPI."""
        scheme = SecurityScheme(
            type="apiKey",
            name=self.tiktok._cookies.session,
            security_scheme_in="cookie",
            description=DESCRIPTION.format(login=self.tiktok._site.login),
        )
        return Components(security_schemes={SCHEME: scheme})


def mount(path: str, app: ASGIApp) -> ASGIRouteHandler:
    """Mount an app that is wrapped in TikTokAuthMiddleware: `Litestar([mount("/shop", shop)])`.

    Litestar's own `asgi(path, is_mount=True)` adds a slash to the path that the app gets, and does not set
    `root_path`. This handler restores both (ASGI: HTTP Connection Scope).

    Args:
        path (str): The prefix of the app, for example `/shop`.
        app (ASGIApp): The wrapped app.

    Returns:
        ASGIRouteHandler: A route handler for `Litestar(route_handlers=[...])`.
    """

    @asgi(path, is_mount=True, copy_scope=True)
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        restore_path(cast(Any, scope))
        await app(cast(Any, scope), cast(Any, receive), cast(Any, send))

    return serve


def restore_path(scope: dict[str, Any]) -> None:
    """Set `path` and `root_path` to what the client requested."""
    requested = unquote(scope.get("raw_path", b"").decode("latin-1")) or scope["path"]
    for path in (scope["path"], scope["path"][:-1]):
        if requested.endswith(path):
            scope["root_path"] = requested[: len(requested) - len(path)]
            scope["path"] = path or "/"
            return


def handlers_of(route: Any) -> Sequence[Any]:
    """A handler for each method of HTTP, or the only one."""
    return [route.route_handler] if isinstance(route, WebSocketRoute | ASGIRoute) else route.route_handlers


def show_padlock(handler: HTTPRouteHandler) -> None:
    """Say in OpenAPI what our guards and `current_user` ask for."""
    guards = [guard for guard in handler.resolve_guards() if isinstance(guard, Guard)]
    parameters = handler.parsed_fn_signature.parameters
    provided = [provide.dependency for name, provide in handler.resolve_dependencies().items() if name in parameters]
    if guards or current_user in provided:
        scopes = dict.fromkeys(scope for guard in guards for scope in guard.scopes)
        # A route comes once more for each method that joins it.
        others = [requirement for requirement in handler.security or () if SCHEME not in requirement]
        handler.security = [*others, {SCHEME: list(scopes)}]


def wrap_at_first_call(app: Litestar, middleware: TikTokAuthMiddleware) -> None:
    """Let the app put the middleware in front of itself when it is called for the first time, with whatever.

    Litestar makes its `asgi_handler` when no plugin is asked any more, a lifespan does not reach every app,
    and Litestar's own middleware sees registered paths alone. So until that call the app has a class of its own.
    """
    kind = type(app)

    async def first_call(self: Litestar, scope: Scope, receive: Receive, send: Send) -> None:
        self.__class__ = kind
        put_in_front(self, middleware)
        await self(scope, receive, send)

    app.__class__ = type(kind.__name__, (kind,), {"__slots__": (), "__call__": first_call})


def put_in_front(app: Litestar, middleware: TikTokAuthMiddleware) -> None:
    """Of all but CORS, which shall let the origins that it welcomes read our answers, too."""
    outermost: Any = app.asgi_handler
    layers: list[Any] = [outermost, getattr(outermost, "app", None)]  # OpenTelemetry's may be the first
    for layer in layers:
        if app.cors_config and getattr(layer, "config", None) is app.cors_config:
            middleware.app, layer.app = layer.app, middleware
            # Litestar's CORS overwrites the header.
            app.before_send.append(restore_vary)
            return
    middleware.app = outermost
    app.asgi_handler = middleware  # type: ignore[assignment]


async def restore_vary(message: Message, scope: Scope) -> None:
    if message["type"] == "http.response.start":
        headers = message["headers"]
        if not any(name == b"vary" and covers_cookies(value) for name, value in headers):
            message["headers"] = [*headers, VARY_ON_COOKIE]


class Guard:
    """A guard of Litestar that lets through who granted all these scopes."""

    def __init__(self, *scopes: str) -> None:
        self.scopes = scopes

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        require(connection, *self.scopes)


login_required = Guard()
"""A guard that lets through who is signed in: `@get("/account", guards=[login_required])`."""


def requires_scope(*scopes: str) -> Guard:
    """A guard that lets through who granted all these scopes: `guards=[requires_scope("video.list")]`.

    Raises ConfigurationError for no scope at all and for one that cannot be TikTok's.
    """
    if not scopes:
        raise ConfigurationError('requires_scope() names no scope; write requires_scope("video.list").')
    return Guard(*check_scopes("requires_scope", scopes))


async def current_user(scope: Scope) -> TikTokUser:
    """The dependency behind CurrentUser. Raises NotAuthorizedException for nobody, which the middleware answers."""
    return require(ASGIConnection(scope))


CurrentUser = NamedDependency[TikTokUser]
"""Somebody who is signed in: `async def account(current_user: CurrentUser)`. Nobody else gets to the handler.

Without the plugin, `Litestar(..., dependencies={"current_user": current_user})`.
"""


def session_of(connection: Connection) -> TikTokSession:
    if "tiktok" not in connection.scope:
        raise ConfigurationError(
            "This connection did not pass TikTokAuthMiddleware; write Litestar(..., plugins=[TikTokPlugin(tiktok)])."
        )
    return tiktok_session(connection)


def require(connection: Connection, *scopes: str) -> TikTokUser:
    try:
        return session_of(connection).require(*scopes)
    except LoginRequired as error:
        if connection.scope["type"] == ScopeType.WEBSOCKET:
            raise WebSocketException(detail=error.description, code=1008) from None
        raise refusal(error) from None


def refusal(error: LoginRequired) -> HTTPException:
    kind = PermissionDeniedException if isinstance(error, ScopeRequired) else NotAuthorizedException
    return kind(detail=error.description, headers={"WWW-Authenticate": error.challenge})


def answer(request: Request[Any, Any, Any], error: LoginRequired) -> Response[Any]:
    """To a handler that raised it, such as by `await session.token()`."""
    return create_exception_response(request, refusal(error))
