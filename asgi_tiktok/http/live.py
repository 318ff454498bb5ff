"""WebSockets and streamed responses that stay open only as long as their session lasts."""

import asyncio
import time
from asyncio import Future
from collections.abc import Awaitable, Callable

from starlette.types import Message, Receive, Scope, Send

SESSION_ENDED = 4401  # a private close code of WebSockets (RFC 6455 §7.4.2), after HTTP's 401

IsLive = Callable[[], Awaitable[bool]]


class LiveConnection:
    """Checks every `recheck` seconds whether the session is live, and ends the connection if it is not.

    Nothing runs beside the app: the check is made while the app waits for a message, or before it sends
    one. The app then receives a disconnect, and OSError when it sends, if the server promises that (ASGI:
    HTTP, Disconnected Client; WebSocket, Send). A response that is not streamed is never checked.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, is_live: IsLive, recheck: float) -> None:
        self.scope = scope
        self.is_http = scope["type"] == "http"
        self.receive_message = receive
        self.send_message = send
        self.is_live = is_live
        self.recheck = recheck
        self.next_check = time.monotonic() + recheck
        self.waiting = False
        self.pending: Future[Message] | None = None
        self.ended = False

    async def receive(self) -> Message:
        """An ASGI `receive` for the app."""
        if not self.waiting:
            message = await self.receive_message()
            self.waiting = not message.get("more_body")  # after the handshake, or the whole request body
            return message
        while not self.ended:
            # Kept when the app stops waiting, because cancelling it would lose a message.
            self.pending = self.pending or asyncio.ensure_future(self.receive_message())
            await asyncio.wait({self.pending}, timeout=max(0, self.next_check - time.monotonic()))
            if self.pending.done():
                message, self.pending = self.pending.result(), None
                return message
            await self.recheck_if_due()
        if self.is_http:
            return {"type": "http.disconnect"}
        return {"type": "websocket.disconnect", "code": SESSION_ENDED}

    def send(self, message: Message) -> Awaitable[None]:
        """An ASGI `send` for the app."""
        if self.is_http and not message.get("more_body") and not self.ended:
            return self.send_message(message)
        return self.send_if_live(message)

    async def send_if_live(self, message: Message) -> None:
        await self.recheck_if_due()
        if not self.ended:
            await self.send_message(message)
        elif not self.is_http or self.scope.get("asgi", {}).get("spec_version", "2.0") >= "2.4":
            raise OSError("The session of this connection has ended.")

    async def recheck_if_due(self) -> None:
        if self.ended or time.monotonic() < self.next_check:
            return
        self.next_check = time.monotonic() + self.recheck
        if not await self.is_live():
            self.ended = True
            await self.send_message(
                {"type": "http.response.body", "body": b"", "more_body": False}
                if self.is_http
                else {"type": "websocket.close", "code": SESSION_ENDED, "reason": "signed out"}
            )

    def release(self) -> None:
        """Stop waiting for messages, because the app has returned."""
        if self.pending is not None:
            self.pending.cancel()
