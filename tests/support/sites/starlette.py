"""The site in Starlette."""

from collections.abc import AsyncIterator
from hashlib import sha256

from starlette.applications import Starlette
from starlette.authentication import requires
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from asgi_tiktok import TikTok, TikTokAuthMiddleware, tiktok_session


def build(tiktok: TikTok, install: str) -> ASGIApp:
    if install == "wrap":
        return TikTokAuthMiddleware(Starlette(routes=ROUTES), tiktok, protect=("/studio",))
    middleware = [Middleware(TikTokAuthMiddleware, tiktok=tiktok, protect=("/studio",))]
    app = Starlette(routes=ROUTES, middleware=middleware)
    return app if install == "native" else Starlette(routes=[Mount("/sub", app)])


async def me(request: Request) -> Response:
    return JSONResponse({"name": request.user.display_name, "scopes": tiktok_session(request).scopes})


async def account(request: Request) -> Response:
    return JSONResponse({"name": tiktok_session(request).require().display_name})


async def videos(request: Request) -> Response:
    return JSONResponse({"name": tiktok_session(request).require("video.list").display_name})


async def studio(request: Request) -> Response:
    return JSONResponse({"name": request.user.display_name})


async def stream(request: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%03d" % number * 1000

    return StreamingResponse(body())


async def echo(request: Request) -> Response:
    body = await request.body()
    return JSONResponse({"length": len(body), "sha256": sha256(body).hexdigest()})


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json({"name": websocket.user.display_name})
    await websocket.close()


ROUTES = [
    Route("/me", me),
    Route("/account", account),
    Route("/videos", videos),
    Route("/studio", studio),
    Route("/stream", stream),
    Route("/echo", echo, methods=["POST"]),
    WebSocketRoute("/socket", socket),
    WebSocketRoute("/account/socket", requires("authenticated")(socket)),
]
