"""The app's answer on its way out: what is added to its headers, and what the app asks of us with them."""

import re

from starlette.types import Message, Send

from asgi_tiktok.errors import LoginRequired, ScopeRequired
from asgi_tiktok.http.cookies import Header

CHALLENGE = re.compile(rb'tiktok(?: +scope="([^"]*)")?', re.IGNORECASE)
VARY_ON_COOKIE: Header = (b"vary", b"Cookie")


def read_challenge(start: Message) -> LoginRequired | None:
    """What a 401 or 403 with a challenge of the scheme TikTok asks for (RFC 9110 §11.6.1, RFC 6750 §3)."""
    # The headers may come from a generator, and have to be read once more.
    start["headers"] = list(start.get("headers", ()))
    for name, value in start["headers"]:
        if name.lower() == b"www-authenticate" and (challenge := CHALLENGE.fullmatch(value)):
            scopes = (challenge[1] or b"").decode("latin-1").split()
            if start["status"] == 401:
                return LoginRequired("The app asks for a sign-in.", scopes=scopes)
            return ScopeRequired(f"The app asks for {', '.join(scopes) or 'more'}.", scopes=scopes)
    return None


def covers_cookies(vary: bytes) -> bool:
    """True when caches that obey this Vary header tell people apart."""
    return not {b"*", b"cookie"}.isdisjoint(part.strip() for part in vary.lower().split(b","))


async def drop(message: Message) -> None:
    """Where the rest of an answer goes that ours has replaced."""


def adding(send: Send, set_cookie: Header) -> Send:
    """Send a Set-Cookie of ours with the answer, which no cache may then keep."""

    async def send_added(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [header for header in message["headers"] if header[0].lower() != b"cache-control"]
            message = {**message, "headers": [*kept, (b"cache-control", b"private, no-store"), set_cookie]}
        await send(message)

    return send_added
