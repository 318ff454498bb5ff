"""The guarded routes in Starlette and FastAPI."""

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from tests.support.guarded import OPEN, SECRET, GuardedApp

METHODS = ["GET", "POST", "OPTIONS"]


async def secret(request: Request) -> Response:
    return PlainTextResponse(SECRET, headers={"x-secret": SECRET})


async def open_page(request: Request) -> Response:
    return PlainTextResponse(OPEN)


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(SECRET)
    await websocket.close()


class Endpoint(HTTPEndpoint):
    get = post = options = head = staticmethod(secret)


async def any_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the secret at every path."""
    if scope["type"] == "websocket":
        await socket(WebSocket(scope, receive, send))
    else:
        await (await secret(Request(scope)))(scope, receive, send)


def starlette(*routes: BaseRoute) -> Any:
    return lambda: Starlette(routes=[*routes, Route("/open", open_page), Route("/health", open_page)])


def folder() -> str:
    path = Path(mkdtemp())
    (path / "secret.txt").write_text(SECRET)
    return str(path)


def static_files() -> ASGIApp:
    return starlette(Mount("/studio", StaticFiles(directory=folder())))()  # type: ignore[no-any-return]


def nested_folder() -> Path:
    parent = Path(mkdtemp())
    (parent / "studio").mkdir()
    (parent / "studio" / "secret.txt").write_text(SECRET)
    return parent


def nested_files() -> ASGIApp:
    return Starlette(routes=[Route("/open", open_page), Mount("/", StaticFiles(directory=nested_folder()))])


def fastapi(path: str = "/studio", root_path: str = "") -> FastAPI:
    app = FastAPI()
    app.root_path = root_path
    app.add_api_route(path, secret, methods=[*METHODS, "HEAD"])
    app.add_api_websocket_route(path, socket)
    app.add_api_route("/open", open_page)
    app.add_api_route("/health", open_page)
    return app


def fastapi_mount() -> FastAPI:
    app = fastapi("/unused")
    app.mount("/studio", fastapi("/"))
    return app


def fastapi_files() -> FastAPI:
    app, file = fastapi("/unused"), f"{folder()}/secret.txt"
    app.add_api_route("/studio/{name:path}", lambda name: FileResponse(file), methods=["GET"])
    return app


APPS = {
    "starlette function": GuardedApp(
        starlette(Route("/studio", secret, methods=METHODS), WebSocketRoute("/studio", socket))
    ),
    "starlette class": GuardedApp(starlette(Route("/studio", Endpoint), WebSocketRoute("/studio", socket))),
    "starlette mount": GuardedApp(starlette(Mount("/studio", any_path)), "/studio/"),
    "starlette catch-all": GuardedApp(
        starlette(Route("/studio{rest:path}", secret, methods=METHODS), WebSocketRoute("/studio{rest:path}", socket))
    ),
    "starlette mount with a parameter": GuardedApp(starlette(Mount("/{tenant}", fastapi())), "/a/studio"),
    "starlette files": GuardedApp(static_files, "/studio/secret.txt", websocket=False),
    "starlette nested files": GuardedApp(nested_files, "/studio/secret.txt", "/open", websocket=False),
    "fastapi": GuardedApp(fastapi),
    "fastapi root_path": GuardedApp(lambda: fastapi(root_path="/app")),
    "fastapi mount": GuardedApp(fastapi_mount, "/studio/"),
    "fastapi catch-all": GuardedApp(lambda: fastapi("/studio{rest:path}")),
    "fastapi files": GuardedApp(fastapi_files, "/studio/x", websocket=False),
}
