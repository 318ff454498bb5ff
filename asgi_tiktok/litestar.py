"""A plugin that installs the sign-in into a Litestar app, guards, and dependencies.

The guards and `current_user` also work in an app that is wrapped: `TikTokAuthMiddleware(app, tiktok)`.
"""

from copy import copy
from functools import partial
from typing import Any, Unpack, cast
from urllib.parse import unquote

from litestar import Litestar, Request, Response, asgi, exceptions
from litestar.config.app import AppConfig
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.enums import ScopeType
from litestar.exceptions.responses import create_exception_response
from litestar.handlers import ASGIRouteHandler, BaseRouteHandler, HTTPRouteHandler
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins import InitPlugin
from litestar.plugins.base import ReceiveRoutePlugin
from litestar.routes import ASGIRoute, BaseRoute, WebSocketRoute
from litestar.types import Message, Receive, Scope, Send
from litestar.utils import normalize_path
from starlette.types import ASGIApp

from asgi_tiktok.errors import ConfigurationError, LoginRequired, ScopeRequired
from asgi_tiktok.http.response import VARY_ON_COOKIE, needs_no_vary
from asgi_tiktok.middleware import TikTokAuthMiddleware
from asgi_tiktok.models import TikTokUser
from asgi_tiktok.routes.options import Options
from asgi_tiktok.session import session_in_scope
from asgi_tiktok.tiktok import TikTok
from asgi_tiktok.validation import check_instance, check_required_scopes

__all__ = ["CurrentUser", "TikTokPlugin", "current_user", "login_required", "mount", "requires_scope"]

EXAMPLE = "Write Litestar(..., plugins=[TikTokPlugin(tiktok)])."
SCHEME = "TikTok"

Connection = ASGIConnection[Any, Any, Any, Any]


class TikTokPlugin(InitPlugin, ReceiveRoutePlugin):
    """Litestar plugin that adds "Continue with TikTok": `Litestar(..., plugins=[TikTokPlugin(tiktok)])`.

    It puts TikTokAuthMiddleware in front of the app, provides the dependency `current_user`, which handlers name
    with the type CurrentUser, and describes the sign-in in the app's OpenAPI schema.

    Args:
        tiktok (TikTok | None): The configured TikTok app. Also an attribute. Default: `TikTok.from_env()`.
        **options: The keyword arguments of TikTokAuthMiddleware, for example `protect=("/studio",)`.

    Raises:
        ConfigurationError: A setting cannot work. Some settings are checked when Litestar creates the app.
    """

    def __init__(self, tiktok: TikTok | None = None, **options: Unpack[Options]) -> None:
        self.tiktok = TikTok.from_env() if tiktok is None else check_instance("tiktok", tiktok, TikTok, EXAMPLE)
        self._app: Litestar | None = None
        self._wrap = partial(TikTokAuthMiddleware, tiktok=self.tiktok, **options)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add the dependency and the OpenAPI scheme. Called by Litestar before it creates the app."""
        self._app = None
        app_config.exception_handlers = {LoginRequired: respond_to_login_required, **app_config.exception_handlers}
        app_config.dependencies.setdefault("current_user", Provide(current_user))
        app_config.on_shutdown.append(self.tiktok.aclose)
        if app_config.openapi_config:
            app_config.openapi_config = config = copy(app_config.openapi_config)
            others = config.components if isinstance(config.components, list) else [config.components]
            config.components = [*others, openapi_components(self.tiktok)]
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Describe a route in OpenAPI. The first route also leads to the app. Called by Litestar for each route."""
        given: Any = route
        handlers = [given.route_handler] if isinstance(route, WebSocketRoute | ASGIRoute) else given.route_handlers
        if self._app is None:
            self._app = app = handlers[0].app
            wrap_at_first_call(app, self._wrap(app))
        for handler in handlers:
            if isinstance(handler, HTTPRouteHandler):
                show_padlock(handler)


def mount(path: str, app: ASGIApp) -> ASGIRouteHandler:
    """Mount an app that is wrapped in TikTokAuthMiddleware: `Litestar([mount("/shop", shop)])`.

    Litestar's own `asgi(path, is_mount=True)` adds a slash to the path that the mounted app gets, and does not set
    `root_path` (ASGI: HTTP Connection Scope). The mounted middleware would recognize none of its routes.

    Args:
        path (str): The prefix of the mounted app, for example `/shop`.
        app (ASGIApp): The wrapped app.
    """

    @asgi(path, is_mount=True, copy_scope=True)
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        restore_path(cast(Any, scope), path)
        await app(cast(Any, scope), cast(Any, receive), cast(Any, send))

    return serve


def restore_path(scope: dict[str, Any], path: str) -> None:
    """Set `path` and `root_path` to what the client requested. Litestar has removed the prefix and added a slash."""
    below = normalize_path(scope["path"]).rstrip("/")
    raw_path = scope.get("raw_path")  # optional in ASGI
    requested = unquote(raw_path.decode("latin-1")) if raw_path else path + below
    whole = normalize_path(requested)
    # Litestar serves /shopping from the mount at /shop.
    if not whole.endswith(below):
        raise exceptions.NotFoundException
    prefix = whole.removesuffix(below).rstrip("/")
    outer = scope.get("root_path", "")
    # If a proxy has removed a prefix, only `root_path` contains it.
    scope["root_path"] = prefix if f"{prefix}/".startswith(f"{outer}/") else outer + prefix
    scope["path"] = f"{below}/" if requested.endswith("/") else below or "/"


def openapi_components(tiktok: TikTok) -> Components:
    scheme = SecurityScheme(
        type="apiKey",
        name=tiktok._cookies.session,
        security_scheme_in="cookie",
        description=(
            f"Open `{tiktok._site.login}` of this app in this browser and sign in with TikTok. The browser then "
            "sends the cookie with each request."
        ),
    )
    return Components(security_schemes={SCHEME: scheme})


def show_padlock(handler: HTTPRouteHandler) -> None:
    """Show in OpenAPI what our guards and `current_user` require."""
    guards = [guard for guard in handler.resolve_guards() if isinstance(guard, Guard)]
    parameters = handler.parsed_fn_signature.parameters
    provided = [provide.dependency for name, provide in handler.resolve_dependencies().items() if name in parameters]
    if guards or current_user in provided:
        scopes = dict.fromkeys(scope for guard in guards for scope in guard.scopes)
        # Litestar sends a route again for each method that is added to it.
        others = [requirement for requirement in handler.security or () if SCHEME not in requirement]
        handler.security = [*others, {SCHEME: list(scopes)}]


def wrap_at_first_call(app: Litestar, middleware: TikTokAuthMiddleware) -> None:
    """Give the app a class that puts the middleware in front of the app when the app is called for the first time.

    No hook of Litestar fits. Litestar creates `asgi_handler` after the last hook for plugins, some servers and all
    mounts send no lifespan, and Litestar's own middleware gets requests for registered paths only.
    """
    kind = type(app)

    async def first_call(self: Litestar, scope: Scope, receive: Receive, send: Send) -> None:
        self.__class__ = kind
        put_in_front(self, middleware)
        await self(scope, receive, send)

    app.__class__ = type(kind.__name__, (kind,), {"__slots__": (), "__call__": first_call})


def put_in_front(app: Litestar, middleware: TikTokAuthMiddleware) -> None:
    """Put the middleware in front of everything but CORS, which adds its headers to our responses too."""
    outermost: Any = app.asgi_handler
    layers: list[Any] = [outermost, getattr(outermost, "app", None)]  # the first may be OpenTelemetry's
    for layer in layers:
        if app.cors_config and getattr(layer, "config", None) is app.cors_config:
            middleware.app, layer.app = layer.app, middleware
            # Litestar's CORS overwrites the header Vary.
            app.before_send.append(restore_vary)
            return
    middleware.app = outermost
    app.asgi_handler = middleware  # type: ignore[assignment]


async def restore_vary(message: Message, scope: Scope) -> None:
    if message["type"] == "http.response.start":
        headers = message["headers"]
        if not any(name in {b"vary", b"cache-control"} and needs_no_vary(name, value) for name, value in headers):
            message["headers"] = [*headers, VARY_ON_COOKIE]


class Guard:
    """A guard that requires a signed-in user who has granted all these scopes."""

    def __init__(self, *scopes: str) -> None:
        self.scopes = scopes

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        require(connection, *self.scopes)


login_required = Guard()
"""A guard that requires a signed-in user: `@get("/account", guards=[login_required])`."""


def requires_scope(*scopes: str) -> Guard:
    """Return a guard that requires a signed-in user who has granted all these scopes.

    For example `@get("/videos", guards=[requires_scope("video.list")])`.

    Args:
        scopes (str): At least one scope, for example `"video.list"`.
    """
    return Guard(*check_required_scopes(scopes))


async def current_user(scope: Scope) -> TikTokUser:
    """Return the signed-in user. This is the dependency behind `CurrentUser`, which the plugin provides.

    Without the plugin, write `Litestar(..., dependencies={"current_user": current_user})`.

    Raises:
        NotAuthorizedException: The visitor is anonymous. The middleware replaces this response.
        WebSocketException: The same on a WebSocket, which is closed with code 1008.
    """
    return require(ASGIConnection(scope))


CurrentUser = NamedDependency[TikTokUser]
"""The signed-in user: `async def account(current_user: CurrentUser)`. Anonymous visitors do not reach the handler."""


def require(connection: Connection, *scopes: str) -> TikTokUser:
    session = session_in_scope(connection.scope)
    if session is None:
        raise ConfigurationError("This connection did not pass TikTokAuthMiddleware.", hint=EXAMPLE)
    try:
        return session.require(*scopes)
    except LoginRequired as error:
        if connection.scope["type"] == ScopeType.WEBSOCKET:
            raise exceptions.WebSocketException(detail=error.description, code=1008) from None
        raise to_http_exception(error) from None


def to_http_exception(error: LoginRequired) -> exceptions.HTTPException:
    forbidden = isinstance(error, ScopeRequired)
    kind = exceptions.PermissionDeniedException if forbidden else exceptions.NotAuthorizedException
    return kind(detail=error.description, headers={"WWW-Authenticate": error.challenge})


def respond_to_login_required(request: Request[Any, Any, Any], error: LoginRequired) -> Response[Any]:
    """Return the response to a handler that raised LoginRequired, for example by `await session.token()`."""
    return create_exception_response(request, to_http_exception(error))
