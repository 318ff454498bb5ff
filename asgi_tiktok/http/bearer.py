"""Bearer tokens: the value of a session cookie, in `Authorization` instead (RFC 6750 §2.1)."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asgi_tiktok.http.cookies import Header
from asgi_tiktok.http.response import is_shared

VARY_ON_AUTHORIZATION: Header = (b"vary", b"Authorization")


def read_bearer(headers: Iterable[Header]) -> bytes | None:
    """Return the bearer token of a request, which any app may have issued; None if there is not exactly one."""
    lines = [line for name, line in headers if name == b"authorization"]
    if len(lines) != 1:
        return None
    scheme, _, token = lines[0].partition(b" ")
    return token.strip(b" ") if scheme.lower() == b"bearer" else None


def bearer_of(set_cookie: Header) -> str:
    """Return the bearer token for the session of a Set-Cookie header."""
    return set_cookie[1].partition(b";")[0].partition(b"=")[2].decode("ascii")


class VaryOnAuthorization:
    """Adds `Vary: Authorization` to the app's responses, except to those that the app declares shared."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""

        async def send_varied(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if not any(name.lower() == b"cache-control" and is_shared(value) for name, value in headers):
                    headers.append(VARY_ON_AUTHORIZATION)
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, send_varied)
