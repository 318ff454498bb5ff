"""The app's answer on its way out: its body untouched, unless it is a challenge that the middleware answers."""

import re
from collections.abc import Awaitable, Callable, Iterable

from starlette.types import Message, Send

from asgi_tiktok.cookies import Header
from asgi_tiktok.errors import LoginRequired, ScopeRequired

CHALLENGE = re.compile(rb'tiktok(?: +scope="([^"]*)")?', re.IGNORECASE)


class AppAnswer:
    """Tells caches that the answer depends on who is there, and sets cookies beside those of the app.

    401 or 403 with a `WWW-Authenticate: TikTok` challenge is dropped, and `answer_challenge` called instead.
    """

    __slots__ = ("answer_challenge", "dropped", "pass_on", "set_cookies")

    def __init__(
        self, send: Send, set_cookies: list[Header], answer_challenge: Callable[[LoginRequired], Awaitable[None]]
    ) -> None:
        self.pass_on = send
        self.set_cookies = set_cookies
        self.answer_challenge = answer_challenge
        self.dropped = False

    async def send(self, message: Message) -> None:
        """An ASGI `send` for the app."""
        if self.dropped:
            return
        if message["type"] == "http.response.start":
            headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
            if error := read_challenge(message["status"], headers):
                self.dropped = True
                await self.answer_challenge(error)
                return
            vary_on_cookie(headers)
            if self.set_cookies:
                headers = uncached([*headers, *self.set_cookies])
            message = {**message, "headers": headers}
        await self.pass_on(message)


def read_challenge(status: int, headers: Iterable[Header]) -> LoginRequired | None:
    """What the app asks for with a challenge of the scheme TikTok (RFC 9110 §11.6.1, RFC 6750 §3), or None."""
    if status not in (401, 403):
        return None
    for name, value in headers:
        if name.lower() == b"www-authenticate" and (challenge := CHALLENGE.fullmatch(value)):
            scopes = (challenge[1] or b"").decode("latin-1").split()
            if status == 401:
                return LoginRequired("The app asks for a sign-in.", scopes=scopes)
            return ScopeRequired(f"The app asks for {', '.join(scopes) or 'more'}.", scopes=scopes)
    return None


def vary_on_cookie(headers: list[Header]) -> None:
    vary = [value.strip().lower() for name, line in headers if name.lower() == b"vary" for value in line.split(b",")]
    if b"*" not in vary and b"cookie" not in vary:
        headers.append((b"vary", b"Cookie"))


def uncached(headers: Iterable[Header]) -> list[Header]:
    """The headers without leave to store an answer that carries a Set-Cookie of ours."""
    kept = [header for header in headers if header[0].lower() != b"cache-control"]
    return [*kept, (b"cache-control", b"private, no-store")]
