"""WebSockets: who may open one, and one that stays open only as long as its session lasts."""

import asyncio
import time
from asyncio import Future
from collections.abc import Awaitable, Callable, Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asgi_tiktok.errors import RequestRefused

SESSION_ENDED = 4401  # a private close code (RFC 6455 §7.4.2), after HTTP's 401

IsLive = Callable[[], Awaitable[bool]]


def check_origin(scope: Scope, allowed: Collection[str], *, allow_missing: bool) -> bool:
    """Return whether the client may use a session on a WebSocket (RFC 6455 §10.2).

    Raises RequestRefused for a page of an origin that is not allowed.
    """
    origins = Headers(scope=scope).getlist("origin")
    if not origins:
        return allow_missing
    if len(origins) == 1 and origins[0] in allowed:
        return True
    raise RequestRefused(
        "A page of another origin opened a WebSocket.",
        code="foreign_origin",
        status_code=403,
        hint="To allow its origin, add it to TikTokAuthMiddleware(websocket_origins=...).",
    )


async def serve_while_live(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, is_live: IsLive | None, recheck: float
) -> None:
    """Serve a WebSocket, and close it within `recheck` seconds after its session has ended, if it has one."""
    if is_live is None:
        await app(scope, receive, send)
        return
    socket = SessionSocket(receive, send, is_live, recheck)
    try:
        await app(scope, socket.receive, socket.send)
    finally:
        socket.release()


class SessionSocket:
    """Checks every `recheck` seconds whether the session is live, and closes the WebSocket if it is not.

    Nothing runs beside the app: the check is made while the app waits for a message, or before it sends
    one. The app then receives a disconnect, and OSError when it sends (ASGI: WebSocket, Send).
    """

    def __init__(self, receive: Receive, send: Send, is_live: IsLive, recheck: float) -> None:
        self.receive_message = receive
        self.send_message = send
        self.is_live = is_live
        self.recheck = recheck
        self.next_check = time.monotonic() + recheck
        self.connected = False
        self.pending: Future[Message] | None = None
        self.ended = False

    async def receive(self) -> Message:
        """An ASGI `receive` for the app."""
        if not self.connected:
            self.connected = True
            return await self.receive_message()  # the handshake, which is there already
        while not self.ended:
            # Kept when the app stops waiting, because cancelling it would lose a message.
            self.pending = self.pending or asyncio.ensure_future(self.receive_message())
            await asyncio.wait({self.pending}, timeout=max(0, self.next_check - time.monotonic()))
            if self.pending.done():
                message, self.pending = self.pending.result(), None
                return message
            await self.recheck_if_due()
        return {"type": "websocket.disconnect", "code": SESSION_ENDED}

    async def send(self, message: Message) -> None:
        """An ASGI `send` for the app."""
        await self.recheck_if_due()
        if self.ended:
            raise OSError("The session of this WebSocket has ended.")
        await self.send_message(message)

    async def recheck_if_due(self) -> None:
        if self.ended or time.monotonic() < self.next_check:
            return
        self.next_check = time.monotonic() + self.recheck
        if not await self.is_live():
            self.ended = True
            await self.send_message({"type": "websocket.close", "code": SESSION_ENDED, "reason": "signed out"})

    def release(self) -> None:
        """Stop waiting for messages, because the app has returned."""
        if self.pending is not None:
            self.pending.cancel()
