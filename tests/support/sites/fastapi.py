"""The site in FastAPI."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Annotated

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import StreamingResponse
from starlette.types import ASGIApp

from asgi_tiktok import TikTok, TikTokAuthMiddleware, TikTokUser, tiktok_session
from asgi_tiktok.fastapi import CurrentUser, OptionalUser, requires_scope


def build(tiktok: TikTok, install: str) -> ASGIApp:
    app = new_app()
    if install == "wrap":
        return TikTokAuthMiddleware(app, tiktok, protect=("/studio",))
    app.add_middleware(TikTokAuthMiddleware, tiktok=tiktok, protect=("/studio",))
    if install == "native":
        return app
    outer = FastAPI()
    outer.mount("/sub", app)
    return outer


def new_app() -> FastAPI:
    app = FastAPI()
    app.get("/me")(me)
    app.get("/account")(account)
    app.get("/videos")(videos)
    app.get("/studio")(account)
    app.get("/stream")(stream)
    app.post("/echo")(echo)
    app.websocket("/socket")(socket)
    app.websocket("/account/socket")(account_socket)
    return app


async def me(user: OptionalUser, request: Request) -> dict[str, object]:
    return {"name": user.display_name, "scopes": tiktok_session(request).scopes}


async def account(user: CurrentUser) -> dict[str, object]:
    return {"name": user.display_name}


async def videos(user: Annotated[TikTokUser, requires_scope("video.list")]) -> dict[str, object]:
    return {"name": user.display_name}


async def stream() -> StreamingResponse:
    async def body() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%03d" % number * 1000

    return StreamingResponse(body())


async def echo(request: Request) -> dict[str, object]:
    body = await request.body()
    return {"length": len(body), "sha256": sha256(body).hexdigest()}


async def socket(websocket: WebSocket, user: OptionalUser) -> None:
    await websocket.accept()
    await websocket.send_json({"name": user.display_name})
    await websocket.close()


async def account_socket(websocket: WebSocket, user: CurrentUser) -> None:
    await socket(websocket, user)
