"""The guarded routes in Quart, Litestar and Django."""

from collections.abc import Callable
from functools import partial
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from litestar import HttpMethod, Litestar, WebSocket, asgi, get, route, websocket
from quart import Quart
from quart import websocket as quart_websocket
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

import tests.support.sites.django  # noqa: F401  (configures Django)
from asgi_tiktok import TikTok
from asgi_tiktok.litestar import TikTokPlugin
from tests.support.guarded import OPEN, SECRET, GuardedApp
from tests.support.guarded.starlette import METHODS, any_path, fastapi, starlette


def quart(rule: str = "/studio") -> Any:
    app = Quart("guarded")

    async def secret(**parts: str) -> str:
        return SECRET

    async def open_page() -> str:
        return OPEN

    async def socket(**parts: str) -> None:
        await quart_websocket.send(SECRET)

    app.add_url_rule(rule, "secret", secret, methods=METHODS, provide_automatic_options=False)
    app.add_url_rule("/open", "open", open_page)
    app.add_url_rule("/health", "health", open_page)
    app.add_websocket(rule, "socket", socket)
    return app


def litestar(rule: str = "/studio", **options: Any) -> Any:
    @route(rule, http_method=[HttpMethod.GET, HttpMethod.POST, HttpMethod.OPTIONS, HttpMethod.HEAD], status_code=200)
    async def secret() -> str:
        return SECRET

    @websocket(rule)
    async def socket(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        await socket.send_text(SECRET)
        await socket.close()

    @get(["/open", "/health"])
    async def open_page() -> str:
        return OPEN

    return Litestar([secret, socket, open_page], openapi_config=None, logging_config=None, **options)


def litestar_mount(**options: Any) -> Any:
    @asgi("/studio", is_mount=True, copy_scope=True)
    async def secret(scope: Any, receive: Any, send: Any) -> None:
        await any_path(scope, receive, send)

    @get(["/open", "/health"])
    async def open_page() -> str:
        return OPEN

    return Litestar([secret, open_page], openapi_config=None, logging_config=None, **options)


async def django_secret(request: HttpRequest) -> HttpResponse:
    return HttpResponse(SECRET.encode())


async def django_open(request: HttpRequest) -> HttpResponse:
    return HttpResponse(OPEN.encode())


class Socket(AsyncWebsocketConsumer):  # type: ignore[misc]
    async def connect(self) -> None:
        await self.accept()
        await self.send(SECRET)
        await self.close()


urlpatterns = [
    path("studio", django_secret),
    path("studio/<path:rest>", lambda request, rest: HttpResponse(SECRET.encode())),
    re_path("(?i)^studio$", django_secret),
    path("open", django_open),
    path("health", django_open),
]


def django(script_name: str | None = None) -> ASGIApp:
    http = get_asgi_application()
    routes: Any = [path("studio", Socket.as_asgi()), path("<path:rest>", no_socket)]
    app: Any = ProtocolTypeRouter({"http": http, "websocket": URLRouter(routes)})

    async def with_settings(scope: Scope, receive: Receive, send: Send) -> None:
        previous = settings.ROOT_URLCONF, settings.FORCE_SCRIPT_NAME
        settings.ROOT_URLCONF, settings.FORCE_SCRIPT_NAME = __name__, script_name
        try:
            await app(scope, receive, send)
        finally:
            settings.ROOT_URLCONF, settings.FORCE_SCRIPT_NAME = previous

    return with_settings


async def no_socket(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close"})


def fastapi_with_litestar() -> Any:
    app = fastapi("/unused", root_path="/app")
    app.mount("/lit", litestar())
    return app


def fastapi_with_quart() -> Any:
    app = fastapi("/unused", root_path="/app")
    app.mount("/lit", quart())
    return app


def with_plugin(build: Callable[..., Any], path: str, open_path: str = "/open") -> GuardedApp:
    """A Litestar app with the guard of TikTokPlugin, which is inside the app."""

    def install(watched: Any, tiktok: TikTok, **options: Any) -> Any:
        watched.app = build(plugins=[TikTokPlugin(tiktok, **options)])
        return watched

    return GuardedApp(build, path, open_path, install=install)


APPS = {
    "quart": GuardedApp(quart),
    "quart catch-all": GuardedApp(lambda: quart("/studio<path:rest>"), "/studiox"),
    "litestar": GuardedApp(litestar),
    "litestar path": GuardedApp(lambda: litestar(path="/app"), "/app/studio", "/app/open"),
    "litestar catch-all": GuardedApp(lambda: litestar("/studio/{rest:path}"), "/studio/x"),
    "litestar mount": GuardedApp(litestar_mount, "/studio/"),
    "litestar plugin": with_plugin(litestar, "/studio"),
    "litestar plugin, path": with_plugin(partial(litestar, path="/app"), "/app/studio", "/app/open"),
    "litestar plugin, catch-all": with_plugin(partial(litestar, "/studio/{rest:path}"), "/studio/x"),
    "litestar plugin, mount": with_plugin(litestar_mount, "/studio/"),
    "django": GuardedApp(django),
    "django script name": GuardedApp(lambda: django("/app"), "/app/studio", "/app/open", websocket=False),
    "starlette with litestar": GuardedApp(starlette(Mount("/{name}", litestar())), "/lit/studio"),
    "starlette with quart": GuardedApp(starlette(Mount("/{name}", quart())), "/lit/studio"),
    "fastapi root_path with litestar": GuardedApp(fastapi_with_litestar, "/app/lit/studio"),
    "fastapi root_path with quart": GuardedApp(fastapi_with_quart, "/app/lit/studio"),
}
