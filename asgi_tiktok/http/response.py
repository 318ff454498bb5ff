"""The app's response on its way out: headers that we add, and challenges that we answer."""

# Without this import, the annotations of nested functions would be evaluated on every request.
from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from asgi_tiktok.errors import ConnectRefused, LoginRequired, ScopeRequired, TikTokError
from asgi_tiktok.http.cookies import Header
from asgi_tiktok.http.live import LiveConnection, Liveness
from asgi_tiktok.http.paths import RequestPath

CHALLENGE = re.compile(rb'tiktok(?: +scope="([^"]*)"| +error="(\w+)")?', re.IGNORECASE)
VARY_ON_COOKIE: Header = (b"vary", b"Cookie")
VARY_ON_LANGUAGE: Header = (b"vary", b"Accept-Language")
VARIES_BY_LANGUAGE = "asgi_tiktok.varies_by_language"
UNHANDLED = "asgi_tiktok.unhandled"
QUOTED = re.compile(rb'"[^"]*"')
# The headers that let a cache store a response: those of RFC 9111 and RFC 9213, and those of CDNs and nginx.
CACHING = re.compile(rb"(.+-)?cache-control|expires|surrogate-control|edge-control|x-accel-expires", re.IGNORECASE)

S = TypeVar("S")
Refuse = Callable[[Scope, Receive, Send, TikTokError, RequestPath], Awaitable[None]]


class AppResponse(Generic[S]):
    """The app's response on its way out: it gets `Vary: Cookie`, or `refuse` replaces it.

    A response is replaced if it is a challenge, or the response to a LoginRequired that no handler of the app has
    caught. A response that the app declares shared is the same for all users, and has no need of `Vary: Cookie`.
    One that the app streams ends with the session.
    """

    started = False
    live: LiveConnection[S] | None = None

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        path: RequestPath,
        refuse: Refuse | None,
        session: S | None,
        liveness: Liveness[S],
    ) -> None:
        self.scope = scope
        self.receive_message = receive
        self.send_message = send
        self.path = path
        self.refuse = refuse
        self.session = session
        self.liveness = liveness

    # Not async: a coroutine around each message would cost as much as the rest of the middleware.
    def send(self, message: Message) -> Awaitable[None]:
        """An ASGI `send` for the app."""
        if message["type"] == "http.response.start":
            self.started = True
            if message["status"] in {401, 403, 500} and (error := self.find_error(message)):
                return self.replace(error)
            message["headers"] = headers = [*message.get("headers", ())]
            for name, value in headers:
                if name in {b"vary", b"Vary", b"cache-control", b"Cache-Control"} and needs_no_vary(name, value):
                    break
            else:
                headers.append(VARY_ON_COOKIE)
            if VARIES_BY_LANGUAGE in self.scope:
                headers.append(VARY_ON_LANGUAGE)
        elif message.get("more_body") and (live := self.follow()):
            self.send_message = live.send
        return self.send_message(message)

    def receive(self) -> Awaitable[Message]:
        """An ASGI `receive` for the app of a signed-in user."""
        live = self.follow()
        return self.receive_message() if live is None else live.receive()

    def follow(self) -> LiveConnection[S] | None:
        """The connection that ends with the session, if there is one. Most responses never need it."""
        if self.live is None and self.session is not None:
            parts = (self.scope, self.receive_message, self.send_message)
            self.live = LiveConnection(*parts, self.liveness, self.session)
        return self.live

    def find_error(self, start: Message) -> LoginRequired | None:
        """The LoginRequired that this response stands for, or None."""
        if start["status"] == 500:
            return unhandled_error(self.scope)
        return read_challenge(start) if self.refuse else None

    async def resolve(self, error: LoginRequired) -> bool:
        """Respond to an error that came out of the app. Return False if the app has sent a part of its response."""
        if not self.started:
            await self.replace(error)
        return self.send_message is discard

    def replace(self, error: LoginRequired) -> Awaitable[None]:
        """Respond instead of the app, whose further messages are dropped."""
        send, self.send_message = self.send_message, discard
        if self.live is not None:
            self.live.send_message = discard
        if self.refuse:
            return self.refuse(self.scope, self.receive_message, send, error, self.path)
        response = Response(status_code=error.status_code, headers=error.headers)
        return response(self.scope, self.receive_message, send)


def unhandled_error(scope: Scope) -> LoginRequired | None:
    """The LoginRequired for which the app is sending status 500, because no handler has caught it.

    Starlette sends its 500 while it handles the error, and raises the error afterwards. An integration for a
    framework that has handled the error before it sends the 500 puts it into the scope.
    """
    error = scope.get(UNHANDLED) or sys.exception()
    return error if isinstance(error, LoginRequired) else None


def read_challenge(start: Message) -> LoginRequired | None:
    """The error that stands for a 401 or 403 with a challenge of the scheme TikTok (RFC 9110 §11.6.1)."""
    # The headers may come from a generator, and are read once more later.
    start["headers"] = list(start.get("headers", ()))
    for name, value in start["headers"]:
        if name.lower() == b"www-authenticate" and (challenge := CHALLENGE.fullmatch(value)):
            scopes = (challenge[1] or b"").decode("latin-1").split()
            if challenge[2]:
                refused = ConnectRefused("The app refuses to connect this TikTok account to its user.")
                refused.code = challenge[2].decode("ascii")
                return refused
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
