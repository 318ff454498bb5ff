"""The guarded routes in the frameworks of examples/ for which we have no integration.

NiceGUI is missing, because a process can have one app of it: the one of examples/.
"""

from typing import Any

import falcon.asgi
import strawberry
from blacksheep import Application, Response, Router, TextContent, WebSocket
from fastapi import FastAPI
from mcp.server import MCPServer
from sanic import Sanic
from sanic.response import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.asgi import GraphQL

from tests.support.guarded import OPEN, SECRET, GuardedApp


class FalconPage:
    def __init__(self, content: str) -> None:
        self.content = content

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, **parts: str) -> None:
        response.text = self.content

    on_post = on_options = on_head = on_get

    async def on_websocket(self, request: falcon.asgi.Request, socket: falcon.asgi.WebSocket) -> None:
        await socket.accept()
        await socket.send_text(self.content)
        await socket.close()


def falcon_app() -> Any:
    app = falcon.asgi.App()
    app.add_route("/studio", FalconPage(SECRET))
    app.add_route("/studio/{rest:path}", FalconPage(SECRET))
    app.add_route("/open", FalconPage(OPEN))
    app.add_route("/health", FalconPage(OPEN))
    return app


def blacksheep_app(*paths: str) -> Any:
    app = Application(router=Router())

    async def secret() -> Response:
        return Response(200, content=TextContent(SECRET))

    async def open_page() -> Response:
        return Response(200, content=TextContent(OPEN))

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(SECRET)
        await websocket.close()

    for method in ("GET", "POST", "OPTIONS", "HEAD"):
        for path in paths:
            app.router.add(method, path, secret)
        for path in ("/open", "/health"):
            app.router.add(method, path, open_page)
    app.router.add_ws("/studio", socket)
    return app


def started(app: Any) -> ASGIApp:
    """Start the app's lifespan at its first request."""
    ready: list[bool] = []

    async def start_first(scope: Scope, receive: Receive, send: Send) -> None:
        if not ready:
            ready.append(True)
            messages: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

            async def next_message() -> Message:
                return messages.pop(0)

            async def ignore(message: Message) -> None: ...

            await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, next_message, ignore)
        await app(scope, receive, send)

    return start_first


def sanic_app(rule: str) -> Any:
    app: Any = Sanic(f"guarded{len(rule)}")

    async def secret(request: Any, **parts: str) -> Any:
        return text(SECRET)

    async def open_page(request: Any) -> Any:
        return text(OPEN)

    app.add_route(secret, "/studio", methods=["GET", "POST", "OPTIONS", "HEAD"], name="secret")
    app.add_route(secret, rule, methods=["GET", "POST", "OPTIONS", "HEAD"], name="below")
    app.add_route(open_page, "/open", methods=["GET", "POST", "OPTIONS", "HEAD"], name="open")
    app.add_route(open_page, "/health", methods=["GET", "POST", "OPTIONS", "HEAD"], name="health")
    return started(app)


def operation(function: str) -> dict[str, object]:
    return {
        "operationId": f"{__name__}.{function}",
        "responses": {"200": {"description": "A text", "content": {"text/plain": {}}}},
    }


async def connexion_secret() -> str:
    return SECRET


async def connexion_open() -> str:
    return OPEN


def connexion_app() -> Any:
    from connexion import AsyncApp  # warns

    app = AsyncApp(__name__)
    studio = {method: operation("connexion_secret") for method in ("get", "post", "options", "head")}
    opened = {"get": operation("connexion_open")}
    app.add_api(
        {"openapi": "3.0.3", "info": {"title": "x", "version": "1"}, "paths": {"/studio": studio, "/open": opened}}
    )
    return app


@strawberry.type
class Query:
    @strawberry.field
    def secret(self) -> str:
        return SECRET


def strawberry_app() -> Any:
    graphql = GraphQL[dict[str, object], None](strawberry.Schema(Query), graphql_ide="graphiql")

    async def with_query(scope: Scope, receive: Receive, send: Send) -> None:
        await graphql({**scope, "query_string": b"query=%7Bsecret%7D"}, receive, send)

    async def open_page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(OPEN)

    return Starlette(routes=[Mount("/studio", with_query), Route("/open", open_page), Route("/health", open_page)])


def mcp_app() -> Any:
    server = MCPServer("guarded", instructions=SECRET)

    async def secret(request: Request) -> PlainTextResponse:
        return PlainTextResponse(SECRET)

    async def open_page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(OPEN)

    server.custom_route("/studio", methods=["GET", "POST", "OPTIONS"])(secret)
    server.custom_route("/open", methods=["GET"])(open_page)
    return server.streamable_http_app(stateless_http=True)


def gradio_app() -> Any:
    import gradio

    with gradio.Blocks(title=SECRET) as blocks:
        gradio.Textbox(label=SECRET)
    app = FastAPI()
    app.add_api_route("/open", lambda: PlainTextResponse(OPEN))
    return gradio.mount_gradio_app(app, blocks, path="/studio")


APPS = {
    "falcon": GuardedApp(falcon_app),
    "blacksheep": GuardedApp(lambda: blacksheep_app("/studio", "/studio/*")),
    "blacksheep everywhere": GuardedApp(lambda: blacksheep_app("/studio", "*"), everywhere=True),
    "sanic": GuardedApp(lambda: sanic_app("/studio/<rest:path>"), websocket=False),
    "sanic everywhere": GuardedApp(lambda: sanic_app("/<rest:path>"), websocket=False, everywhere=True),
    "connexion": GuardedApp(connexion_app, websocket=False),
    "strawberry": GuardedApp(strawberry_app, "/studio/", websocket=False),
    "mcp": GuardedApp(mcp_app, websocket=False),
    "gradio": GuardedApp(gradio_app, "/studio/", websocket=False),
}
