"""The site in Django, with WebSockets by Channels."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import path
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from asgi_tiktok import LoginRequired, TikTok, TikTokAuthMiddleware, tiktok_session
from asgi_tiktok.django import TikTokRequest, login_required, requires_scope

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATA_UPLOAD_MAX_MEMORY_SIZE=None,
        MIDDLEWARE=["asgi_tiktok.django.TikTokMiddleware"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="django-secret-key",
    )


def build(tiktok: TikTok, install: str) -> ASGIApp:
    http, websocket = get_asgi_application(), URLRouter(websocket_urlpatterns)
    if install == "wrap":
        app: ASGIApp = ProtocolTypeRouter({"http": http, "websocket": websocket})
        return TikTokAuthMiddleware(app, tiktok, protect=("/studio",))
    # Channels documents this form: each protocol has its own middleware.
    app = ProtocolTypeRouter(
        {
            "http": TikTokAuthMiddleware(http, tiktok, protect=("/studio",)),
            "websocket": TikTokAuthMiddleware(websocket, tiktok, protect=("/studio",)),
        }
    )
    return app if install == "native" else Starlette(routes=[Mount("/sub", app)])


async def me(request: TikTokRequest) -> HttpResponseBase:
    session = request.tiktok
    return JsonResponse({"name": session.user.display_name, "scopes": session.scopes})


@login_required
async def account(request: TikTokRequest) -> HttpResponseBase:
    return JsonResponse({"name": request.tiktok.user.display_name})


@requires_scope("video.list")
def videos(request: TikTokRequest) -> HttpResponseBase:
    return JsonResponse({"name": request.tiktok.user.display_name})


def studio(request: TikTokRequest) -> HttpResponseBase:
    return JsonResponse({"name": request.tiktok.user.display_name})


async def stream(request: TikTokRequest) -> HttpResponseBase:
    async def body() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%03d" % number * 1000

    return StreamingHttpResponse(body())


async def echo(request: TikTokRequest) -> HttpResponseBase:
    return JsonResponse({"length": len(request.body), "sha256": sha256(request.body).hexdigest()})


class Socket(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    async def connect(self) -> None:
        await self.accept()
        await self.send_json({"name": tiktok_session(self).user.display_name})
        await self.close()


class AccountSocket(Socket):
    async def connect(self) -> None:
        try:
            tiktok_session(self).require()
        except LoginRequired as error:
            raise DenyConnection from error
        await super().connect()


urlpatterns: list[Any] = [
    path("me", me),
    path("account", account),
    path("videos", videos),
    path("studio", studio),
    path("stream", stream),
    path("echo", echo),
]
websocket_urlpatterns: list[Any] = [
    path("socket", Socket.as_asgi()),
    path("account/socket", AccountSocket.as_asgi()),
]
