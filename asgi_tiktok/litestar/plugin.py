"""TikTokPlugin: install the middleware, the dependency and the OpenAPI scheme."""

from copy import copy
from typing import Any, Unpack

from litestar import Litestar, asgi, exceptions
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.handlers import ASGIRouteHandler, BaseRouteHandler
from litestar.plugins import InitPlugin
from litestar.plugins.base import ReceiveRoutePlugin
from litestar.routes import ASGIRoute, BaseRoute, HTTPRoute, WebSocketRoute
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from asgi_tiktok.errors import ConfigurationError, LoginRequired
from asgi_tiktok.http.response import VARY_ON_COOKIE, needs_no_vary
from asgi_tiktok.litestar.guards import EXAMPLE, Guard, current_user, respond_to_login_required
from asgi_tiktok.litestar.layers import resolve
from asgi_tiktok.litestar.mounts import with_requested_slash
from asgi_tiktok.litestar.openapi import openapi_components, show_padlock
from asgi_tiktok.litestar.unrouted import put_behind
from asgi_tiktok.middleware import TikTokAuthMiddleware
from asgi_tiktok.routes.options import Options
from asgi_tiktok.tiktok import TikTok
from asgi_tiktok.validation import check_instance

BEHIND = "asgi_tiktok.behind"
PASSED = "asgi_tiktok.passed"


class TikTokPlugin(InitPlugin, ReceiveRoutePlugin):
    """Litestar plugin that adds "Continue with TikTok": `Litestar(..., plugins=[TikTokPlugin(tiktok)])`.

    It puts TikTokAuthMiddleware in front of the app, provides the dependency `current_user`, which handlers name
    with the type CurrentUser, and describes the sign-in in the app's OpenAPI schema.

    Args:
        tiktok (TikTok | None): The configured TikTok app. Also an attribute. Default: `TikTok.from_env()`.
        **options: The keyword arguments of TikTokAuthMiddleware, for example `protect=("/studio",)`.

    Raises:
        ConfigurationError: A setting cannot work.
    """

    tiktok: TikTok

    def __init__(self, tiktok: TikTok | None = None, **options: Unpack[Options]) -> None:
        self.tiktok = TikTok.from_env() if tiktok is None else check_instance("tiktok", tiktok, TikTok, EXAMPLE)
        self._middleware = TikTokAuthMiddleware(call_behind, self.tiktok, **options)
        self._mounts: dict[BaseRouteHandler, str] = {}

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Install everything. Called by Litestar before it creates the app."""
        earlier = [plugin for plugin in app_config.plugins if isinstance(plugin, TikTokPlugin)].index(self)
        app_config.middleware.insert(earlier, self._put_in_front)
        handlers = {LoginRequired: respond_to_login_required, **app_config.exception_handlers}
        app_config.exception_handlers = put_behind(self._pass, self._has_passed, handlers)
        app_config.before_send.append(restore_vary)
        app_config.on_shutdown.append(self.tiktok.aclose)
        app_config.dependencies.setdefault("current_user", Provide(current_user))
        if app_config.path in ("", "/"):
            app_config.route_handlers.append(own_routes(self.tiktok))
        if app_config.openapi_config:
            app_config.openapi_config = config = copy(app_config.openapi_config)
            others = config.components if isinstance(config.components, list) else [config.components]
            config.components = [*others, openapi_components(self.tiktok)]
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Check a route, describe it in OpenAPI, and note the path of a mount. Called by Litestar for each route."""
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                self._check_scopes(handler, route)
                show_padlock(handler)
        elif isinstance(route, WebSocketRoute):
            self._check_scopes(route.route_handler, route)
        elif isinstance(route, ASGIRoute) and route.route_handler.is_mount:
            path = self._mounts.setdefault(route.route_handler, route.path)
            if path != route.path:
                fix = "Write one asgi(..., is_mount=True) for each path."
                raise ConfigurationError(f"A mount has the paths {path!r} and {route.path!r}.", hint=fix)

    def _check_scopes(self, handler: BaseRouteHandler, route: BaseRoute) -> None:
        """Raise ConfigurationError for a guard whose scopes no login can request."""
        for guard in resolve(handler, "guards"):
            if isinstance(guard, Guard):
                self.tiktok._check_declared(guard.scopes, route=route.path)

    def _put_in_front(self, app: ASGIApp) -> ASGIApp:
        """Put the middleware in front of a route. It reads the path as the router did, which has changed it."""

        async def serve(scope: Any, receive: Receive, send: Send) -> None:
            routed = scope["path"]

            async def behind(scope: Any, receive: Receive, send: Send) -> None:
                scope["path"] = routed
                await app(scope, receive, send)

            mount = self._mounts.get(scope["route_handler"], "").rstrip("/")
            # Litestar gives `x/` instead of `/x/` to an app that is mounted at the root.
            requested = mount + routed if mount else "/" + routed.lstrip("/")
            scope["path"] = with_requested_slash(scope.get("root_path", "") + requested, scope)
            await self._pass(behind, scope, receive, send)

        return serve

    async def _pass(self, behind: ASGIApp, scope: Any, receive: Any, send: Any) -> None:
        scope[BEHIND] = behind
        scope[PASSED] = {*scope.get(PASSED, ()), self}
        await self._middleware(scope, receive, send)

    def _has_passed(self, scope: Any) -> bool:
        """Return whether the connection has passed the middleware of this plugin. It may have one of an outer app."""
        return self in scope.get(PASSED, ())


async def call_behind(scope: Any, receive: Any, send: Any) -> None:
    """Call what is behind the middleware on this connection, because all routes share one middleware."""
    await scope.pop(BEHIND)(scope, receive, send)


def own_routes(tiktok: TikTok) -> ASGIRouteHandler:
    """Return routes for our paths. Without them, each login would be an error for the app's hooks and logs."""
    routes: set[str] = set()
    for site in (tiktok._site, *(other._site for other in tiktok._other_addresses)):
        routes |= site.routes
        if site.callback.startswith(f"{site.path}/"):
            routes.add(site.callback)

    @asgi(sorted(routes), copy_scope=True)
    async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
        raise exceptions.NotFoundException

    return not_found


async def restore_vary(message: Message, scope: Scope) -> None:
    """Add the header Vary again, which Litestar's CORS overwrites."""
    if message["type"] == "http.response.start" and Litestar.from_scope(scope).cors_config:
        headers = message["headers"]
        if not any(name in {b"vary", b"cache-control"} and needs_no_vary(name, value) for name, value in headers):
            message["headers"] = [*headers, VARY_ON_COOKIE]
