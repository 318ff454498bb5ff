"""The site in Quart."""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

from quart import Quart, Response, request, websocket
from starlette.applications import Starlette
from starlette.routing import Mount

from asgi_tiktok import TikTok, TikTokAuthMiddleware, tiktok_session
from asgi_tiktok.quart import TikTokAuth, current_user, login_required, requires_scope


def build(tiktok: TikTok, install: str) -> Any:
    app: Any = new_app()
    if install == "wrap":
        return TikTokAuthMiddleware(app, tiktok, protect=("/studio",))
    TikTokAuth(app, tiktok, protect=("/studio",))
    return app if install == "native" else Starlette(routes=[Mount("/sub", app)])


def new_app() -> Quart:
    app = Quart(__name__)
    app.get("/me")(me)
    app.get("/account")(account)
    app.get("/videos")(videos)
    app.get("/studio")(studio)
    app.get("/stream")(stream)
    app.post("/echo")(echo)
    app.websocket("/socket")(socket)
    app.websocket("/account/socket")(account_socket)
    return app


async def me() -> dict[str, object]:
    return {"name": current_user.display_name, "scopes": tiktok_session(request).scopes}


@login_required
async def account() -> dict[str, object]:
    return {"name": current_user.display_name}


@requires_scope("video.list")
def videos() -> dict[str, object]:
    return {"name": current_user.display_name}


async def studio() -> dict[str, object]:
    return {"name": current_user.display_name}


async def stream() -> Response:
    async def body() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%03d" % number * 1000

    return Response(body())


async def echo() -> dict[str, object]:
    body = await request.body
    return {"length": len(body), "sha256": sha256(body).hexdigest()}


async def socket() -> None:
    await websocket.send_json({"name": current_user.display_name})


@login_required
async def account_socket() -> None:
    await socket()
