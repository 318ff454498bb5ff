"""One worker process of a site: `python -m benchmarks.worker FD` serves on this listening socket."""

import os
import socket
import sys
from hashlib import sha256

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from asgi_tiktok import TikTok, TikTokAuthMiddleware, TikTokError
from benchmarks.settings import Settings

NAME = "x-worker"


class NamedTransport(httpx2.AsyncHTTPTransport):
    """A transport that sends the process id to the emulator."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers[NAME] = str(os.getpid())
        return await super().handle_async_request(request)


def new_site(tiktok: TikTok) -> ASGIApp:
    """Return a site with a public page, a protected page, and a page that needs a token."""

    async def who(request: Request) -> Response:
        return JSONResponse({"who": request.user.identity})

    async def token(request: Request) -> Response:
        try:
            token = await tiktok.token(request.query_params["open_id"])
        except TikTokError as error:
            return JSONResponse({"error": type(error).__name__}, error.status_code)
        return JSONResponse({"token": sha256(token.access_token.encode()).hexdigest()})

    app = Starlette(routes=[Route("/", who), Route("/studio", who), Route("/token", token)])
    return TikTokAuthMiddleware(app, tiktok, protect=("/studio",))


def main() -> None:
    listener = socket.socket(fileno=int(sys.argv[1]))
    site = new_site(Settings.from_environ(os.environ).new_tiktok(NamedTransport()))
    uvicorn.Server(uvicorn.Config(site, log_config=None, access_log=False, ws="none")).run(sockets=[listener])


if __name__ == "__main__":
    main()
