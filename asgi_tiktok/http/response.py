"""The app's response on its way out: headers that we add, and challenges that we answer."""

# Without this import, the annotations of `watch` would be evaluated on every request.
from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable

from starlette.types import Message, Receive, Scope, Send

from asgi_tiktok.errors import LoginRequired, ScopeRequired, TikTokError
from asgi_tiktok.http.cookies import Header
from asgi_tiktok.http.paths import RequestPath

CHALLENGE = re.compile(rb'tiktok(?: +scope="([^"]*)")?', re.IGNORECASE)
VARY_ON_COOKIE: Header = (b"vary", b"Cookie")
QUOTED = re.compile(rb'"[^"]*"')
# The headers that let a cache store a response: those of RFC 9111 and RFC 9213, and those of CDNs and nginx.
CACHING = re.compile(rb"(.+-)?cache-control|expires|surrogate-control|edge-control|x-accel-expires", re.IGNORECASE)

Refuse = Callable[[Scope, Receive, Send, TikTokError, RequestPath], Awaitable[None]]


def wrap_send(scope: Scope, receive: Receive, send: Send, path: RequestPath, refuse: Refuse | None) -> Send:
    """Return a `send` that adds `Vary: Cookie`, and calls `refuse` instead if the response is a challenge.

    A response that the app declares shared is the same for all users, and has no need of `Vary: Cookie`.
    """

    # Not async: a coroutine around each message would cost as much as the rest of the middleware.
    def watch(message: Message) -> Awaitable[None]:
        nonlocal send
        if message["type"] == "http.response.start":
            if refuse and message["status"] in (401, 403) and (error := read_challenge(message)):
                original_send, send = send, discard
                return refuse(scope, receive, original_send, error, path)
            message["headers"] = headers = list(message.get("headers", ()))
            for name, value in headers:
                if name in {b"vary", b"Vary", b"cache-control", b"Cache-Control"} and needs_no_vary(name, value):
                    break
            else:
                headers.append(VARY_ON_COOKIE)
        return send(message)

    return watch


def read_challenge(start: Message) -> LoginRequired | None:
    """The error that stands for a 401 or 403 with a challenge of the scheme TikTok (RFC 9110 §11.6.1)."""
    # The headers may come from a generator, and are read once more later.
    start["headers"] = list(start.get("headers", ()))
    for name, value in start["headers"]:
        if name.lower() == b"www-authenticate" and (challenge := CHALLENGE.fullmatch(value)):
            scopes = (challenge[1] or b"").decode("latin-1").split()
            if start["status"] == 401:
                return LoginRequired("The app requires a sign-in.", scopes=scopes)
            return ScopeRequired(f"The app requires {', '.join(scopes) or 'more scopes'}.", scopes=scopes)
    return None


def needs_no_vary(name: bytes, value: bytes) -> bool:
    """True for a Vary header that covers cookies, and for a Cache-Control header that declares a shared response."""
    return is_shared(value) if name.lower() == b"cache-control" else covers_cookies(value)


def is_shared(cache_control: bytes) -> bool:
    """True if this Cache-Control header explicitly allows shared caches to store the response (RFC 9111 §5.2.2)."""
    directives = {part.partition(b"=")[0].strip() for part in QUOTED.sub(b"", cache_control).lower().split(b",")}
    return not directives.isdisjoint({b"public", b"s-maxage"}) and directives.isdisjoint({b"private", b"no-store"})


def covers_cookies(vary: bytes) -> bool:
    """True if this Vary header already keeps the responses of different users apart in caches."""
    return not {b"*", b"cookie"}.isdisjoint(part.strip() for part in vary.lower().split(b","))


async def discard(message: Message) -> None:
    """Drop the rest of a response that was replaced."""


def without_caching(headers: Iterable[Header]) -> list[Header]:
    """Return the headers without those that ask a cache to store the response."""
    return [header for header in headers if not CACHING.fullmatch(header[0])]


def with_set_cookie(send: Send, set_cookie: Header) -> Send:
    """Return a `send` that adds our Set-Cookie header, and forbids caches to store the response."""

    async def send_with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = without_caching(message["headers"])
            message = {**message, "headers": [*kept, (b"cache-control", b"private, no-store"), set_cookie]}
        await send(message)

    return send_with_cookie
