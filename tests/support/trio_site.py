"""The site that a server with trio runs. Its lifespan leaves marks in the folder `FOLDER`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from asgi_tiktok import TikTokAuthMiddleware
from tests.support.app import me, socket, stream
from tests.support.tiktok import new_tiktok

folder = Path(os.environ["FOLDER"])


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    (folder / "started").touch()
    yield
    await trio.sleep(0)
    (folder / "stopped").touch()


async def nap(request: Request) -> Response:
    await trio.sleep(0.001)
    return JSONResponse({"slept": True})


site = TikTokAuthMiddleware(
    Starlette(
        routes=[Route("/me", me), Route("/nap", nap), Route("/stream", stream), WebSocketRoute("/socket", socket)],
        lifespan=lifespan,
    ),
    new_tiktok(store=f"sqlite:///{folder}/store.sqlite3"),
    protect=("/studio",),
)
