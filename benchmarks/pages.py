"""The smallest app that reads the user."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Who = Callable[[Scope], str | None]


async def keep_open() -> None:
    """Do nothing, because nothing was opened."""


@dataclass(frozen=True, slots=True)
class Contender:
    """An app that recognises its visitors, and the same app without that.

    `cookie` is the cookie of a visitor who is signed in as `who`. `guards` is whether the app refuses /studio to
    anonymous visitors.
    """

    name: str
    app: ASGIApp
    bare: ASGIApp
    cookie: str
    who: str
    guards: bool = True
    websockets: bool = True
    aclose: Callable[[], Awaitable[None]] = keep_open


def new_page(who: Who, *, guards: bool = False) -> ASGIApp:
    """Return an app whose page contains one word, the user.

    If `guards` is true, anonymous visitors get 401 for /studio.
    """

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        identity = who(scope)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept", "headers": [(b"x-who", (identity or "nobody").encode())]})
            return
        if guards and identity is None and scope["path"] == "/studio":
            await JSONResponse({"detail": "Not authenticated"}, 401)(scope, receive, send)
            return
        body = (identity or "nobody").encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return page


def nobody(scope: Scope) -> str | None:
    """Return None: the bare app does not read the user."""
    return None


def user_in_scope(scope: Scope) -> str | None:
    """Return the user that Starlette's AuthenticationMiddleware and our middleware put in the scope."""
    user = scope["user"]
    return user.identity if user.is_authenticated else None


def user_in_session(scope: Scope) -> str | None:
    """Return the user in request.session["user"], where Authlib's examples keep it."""
    user = scope["session"].get("user")
    return None if user is None else user["open_id"]


def told(sent: list[Message]) -> str:
    """Return the user that the app reported, or the status if it refused the request."""
    if sent[0]["type"] == "websocket.accept":
        return str(dict(sent[0]["headers"])[b"x-who"].decode())
    if sent[0]["status"] != 200:
        return str(sent[0]["status"])
    return str(sent[1]["body"].decode())


BARE = new_page(nobody)
