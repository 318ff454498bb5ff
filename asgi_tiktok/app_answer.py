"""The app's answer on its way out: what is added to its headers, and what the app asks of us with them."""

import re
from collections.abc import Iterable

from starlette.types import Message

from asgi_tiktok.cookies import Header
from asgi_tiktok.errors import LoginRequired, ScopeRequired

CHALLENGE = re.compile(rb'tiktok(?: +scope="([^"]*)")?', re.IGNORECASE)
VARY = (b"vary", b"Cookie")


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


def with_vary(headers: Iterable[Header]) -> list[Header]:
    """The headers, which tell caches that the answer depends on who is there."""
    kept = list(headers)
    for name, value in kept:
        if name == b"vary" and not {b"*", b"cookie"}.isdisjoint(part.strip() for part in value.lower().split(b",")):
            return kept
    kept.append(VARY)
    return kept
