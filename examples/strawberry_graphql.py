# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "strawberry-graphql", "uvicorn", "websockets"]
# ///
"""Sign in with TikTok in a GraphQL API with Strawberry, over HTTP and WebSocket.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/strawberry_graphql.py` and open http://localhost:8000.
"""

import os
from collections.abc import AsyncGenerator
from html import escape

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL

from asgi_tiktok import TikTokAuthMiddleware, tiktok_button, tiktok_session


class SignedIn(strawberry.BasePermission):
    message = "Please sign in with TikTok."

    def has_permission(self, source: object, info: strawberry.Info, **kwargs: object) -> bool:
        return tiktok_session(info.context["request"]).user.is_authenticated


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[SignedIn])
    def me(self, info: strawberry.Info) -> str:
        return tiktok_session(info.context["request"]).user.display_name or ""


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[SignedIn])
    async def countdown(self, info: strawberry.Info, start: int) -> AsyncGenerator[str, None]:
        for number in range(start, 0, -1):
            yield f"{number}, {tiktok_session(info.context['request']).user.display_name}"


async def home(request: Request) -> HTMLResponse:
    if not request.user.is_authenticated:
        return HTMLResponse(tiktok_button(request, next="/"))
    sign_out = f'<a href="{escape(tiktok_session(request).logout_url(next="/"))}">Sign out</a>'
    return HTMLResponse(f"Hello {escape(request.user.display_name or 'you')} {sign_out}")


graphql = GraphQL[dict[str, object], None](strawberry.Schema(Query, subscription=Subscription))
routes = [Route("/", home), Route("/graphql", graphql), WebSocketRoute("/graphql", graphql)]
app = TikTokAuthMiddleware(Starlette(routes=routes))

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
