"""The site without a framework: plain scope, receive and send."""

import json
from collections.abc import Awaitable, Callable
from hashlib import sha256

from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok import LoginRequired, TikTok, TikTokAuthMiddleware

Header = tuple[bytes, bytes]


def build(tiktok: TikTok, install: str) -> ASGIApp:
    if install == "wrap":
        return TikTokAuthMiddleware(app, tiktok, protect=("/studio",))
    site = Site(tiktok)
    return site if install == "native" else below_sub(site)


class Site:
    """An app that contains the middleware."""

    def __init__(self, tiktok: TikTok) -> None:
        self.middleware = TikTokAuthMiddleware(app, tiktok, protect=("/studio",))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.middleware(scope, receive, send)


def below_sub(site: ASGIApp) -> ASGIApp:
    """Return the site in an outer app that removes the prefix from the path, as some frameworks do."""

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix("/sub")
        await site({**scope, "path": path, "root_path": "/sub"}, receive, send)

    return outer


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    if scope["type"] == "websocket":
        await socket(scope, receive, send, closed=path == "/account/socket")
        return
    route = ROUTES.get((scope["method"], path), not_found)
    await route(scope, receive, send)


async def me(scope: Scope, receive: Receive, send: Send) -> None:
    session = scope["tiktok"]
    await answer(send, {"name": session.user.display_name, "scopes": session.scopes})


async def account(scope: Scope, receive: Receive, send: Send) -> None:
    await answer_to(scope, send)


async def videos(scope: Scope, receive: Receive, send: Send) -> None:
    await answer_to(scope, send, "video.list")


async def answer_to(scope: Scope, send: Send, *scopes: str) -> None:
    """Answer with the user, or with the challenge if they must sign in or grant a scope."""
    try:
        user = scope["tiktok"].require(*scopes)
    except LoginRequired as error:
        challenge = (b"www-authenticate", error.challenge.encode("ascii"))
        await answer(send, {}, error.status_code, challenge)
    else:
        await answer(send, {"name": user.display_name})


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(100):
        await send({"type": "http.response.body", "body": b"%03d" % number * 1000, "more_body": True})
    await send({"type": "http.response.body"})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await answer(send, {"length": len(body), "sha256": sha256(body).hexdigest()})


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    await answer(send, {"error": "There is no such page."}, 404)


async def socket(scope: Scope, receive: Receive, send: Send, *, closed: bool) -> None:
    user = scope["tiktok"].user
    assert (await receive())["type"] == "websocket.connect"
    if closed and not user.is_authenticated:
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": json.dumps({"name": user.display_name})})
    await send({"type": "websocket.close", "code": 1000})


async def answer(send: Send, content: dict[str, object], status: int = 200, *headers: Header) -> None:
    json_headers = [(b"content-type", b"application/json"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": json_headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


ROUTES: dict[tuple[str, str], Callable[[Scope, Receive, Send], Awaitable[None]]] = {
    ("GET", "/me"): me,
    ("GET", "/account"): account,
    ("GET", "/videos"): videos,
    ("GET", "/studio"): account,
    ("GET", "/stream"): stream,
    ("POST", "/echo"): echo,
}
