"""The app behind the middleware. Its responses show what it sees of the user."""

from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.authentication import requires
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from asgi_tiktok import tiktok_session


async def me(request: Request) -> Response:
    user = request.user
    return JSONResponse({"name": user.display_name, "id": user.identity, "scopes": request.auth.scopes})


async def links(request: Request) -> Response:
    session = tiktok_session(request)
    return JSONResponse(
        {
            "login": session.login_url(next="/me"),
            "more": session.login_url(scopes=["video.list"], switch_account=True),
            "logout": session.logout_url(next="/bye"),
            "since": session.created_at,
            "data": dict(session.data),
        }
    )


async def token(request: Request) -> Response:
    return JSONResponse({"scopes": (await tiktok_session(request).token()).scopes})


@requires("video.list")
async def videos(request: Request) -> Response:
    return JSONResponse({"videos": []})


async def studio(request: Request) -> Response:
    return JSONResponse({"studio": request.user.display_name})


async def decorated(request: Request) -> Response:
    """A response with caching headers and cookies of the app."""
    response = JSONResponse({}, headers={"Vary": "Accept", "Cache-Control": "max-age=60"})
    response.set_cookie("flavour", "mint")
    response.set_cookie("size", "large")
    return response


async def stream(request: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%03d" % number * 1000

    return StreamingResponse(body())


async def echo(request: Request) -> Response:
    return JSONResponse({"path": request.scope["path"], "method": request.method})


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json({"name": websocket.user.display_name, "scopes": websocket.auth.scopes})
    await websocket.close()


app = Starlette(
    routes=[
        Route("/me", me),
        Route("/links", links),
        Route("/token", token),
        Route("/videos", videos),
        Route("/studio", studio),
        Route("/studio/{rest:path}", studio),
        Route("/decorated", decorated),
        Route("/stream", stream),
        WebSocketRoute("/socket", socket),
        WebSocketRoute("/studio/socket", socket),
        Route("/{rest:path}", echo, methods=["GET", "POST", "OPTIONS", "PUT"]),
    ]
)
