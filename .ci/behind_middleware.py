"""A pytest plugin that puts TikTokAuthMiddleware in front of each app that a TestClient gets.

It removes the `Vary: Cookie` that the middleware adds, because the tests of Starlette compare the whole header.
"""

import secrets
from functools import wraps
from typing import Any

from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asgi_tiktok import TikTok, TikTokAuthMiddleware
from asgi_tiktok.http.response import VARY_ON_COOKIE

tiktok = TikTok(
    client_key="awclientkey",
    client_secret=secrets.token_urlsafe(32),
    redirect_uri="https://testserver/auth/tiktok/callback",
    secret_key=secrets.token_urlsafe(32),
    store="memory://",
)


class BehindMiddleware:
    """An app with the middleware in front."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = TikTokAuthMiddleware(app, tiktok)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_without_vary(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [header for header in message["headers"] if header is not VARY_ON_COOKIE]
                message = {**message, "headers": kept}
            await send(message)

        await self.app(scope, receive, send_without_vary)


async def answer_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """An app without responses, to check that the middleware is in front."""


create = TestClient.__init__


@wraps(create)
def create_behind_middleware(self: Any, *args: Any, **options: Any) -> None:
    create(self, *args, **options)
    self.app = self._transport.app = BehindMiddleware(self.app)


TestClient.__init__ = create_behind_middleware  # type: ignore[method-assign]
