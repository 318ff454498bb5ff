"""The site in Litestar."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

from litestar import Litestar, Request, WebSocket, get, post, websocket
from litestar.response import Stream
from starlette.applications import Starlette
from starlette.routing import Mount

from asgi_tiktok import TikTok, TikTokAuthMiddleware, TikTokUser, tiktok_session
from asgi_tiktok.litestar import CurrentUser, TikTokPlugin, current_user, login_required, requires_scope


def build(tiktok: TikTok, install: str) -> Any:
    if install == "wrap":
        app: Any = Litestar(HANDLERS, dependencies={"current_user": current_user})
        return TikTokAuthMiddleware(app, tiktok, protect=("/studio",))
    app = Litestar(HANDLERS, plugins=[TikTokPlugin(tiktok, protect=("/studio",))])
    return app if install == "native" else Starlette(routes=[Mount("/sub", app)])


@get("/me")
async def me(request: Request[Any, Any, Any]) -> dict[str, object]:
    return {"name": request.user.display_name, "scopes": tiktok_session(request).scopes}


@get("/account")
async def account(current_user: CurrentUser) -> dict[str, object]:
    return {"name": current_user.display_name}


@get("/videos", guards=[requires_scope("video.list")])
async def videos(request: Request[TikTokUser, Any, Any]) -> dict[str, object]:
    return {"name": request.user.display_name}


@get("/studio")
async def studio(request: Request[TikTokUser, Any, Any]) -> dict[str, object]:
    return {"name": request.user.display_name}


@get("/stream")
async def stream() -> Stream:
    async def body() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%03d" % number * 1000

    return Stream(body)


@post("/echo", status_code=200)
async def echo(request: Request[Any, Any, Any]) -> dict[str, object]:
    body = await request.body()
    return {"length": len(body), "sha256": sha256(body).hexdigest()}


async def send_name(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()
    await socket.send_json({"name": socket.user.display_name})
    await socket.close()


HANDLERS = [
    me,
    account,
    videos,
    studio,
    stream,
    echo,
    websocket("/socket")(send_name),
    websocket("/account/socket", guards=[login_required])(send_name),
]
