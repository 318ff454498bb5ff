"""A WebSocket that stays open for as long as its session lasts."""

import asyncio
import time
from asyncio import Future
from collections.abc import Awaitable, Callable

from starlette.types import Message, Receive, Send

SESSION_ENDED = 4401  # a close code of our own (RFC 6455 §7.4.2), after HTTP's 401


class SessionSocket:
    """Looks every `recheck` seconds whether the session is still there, and closes the WebSocket when it is not.

    Nothing runs beside the app: the look is taken while it waits for a message, or before it sends one. The
    app then receives a disconnect, and OSError when it sends (ASGI: WebSocket, Send).
    """

    def __init__(self, receive: Receive, send: Send, is_live: Callable[[], Awaitable[bool]], recheck: float) -> None:
        self.receive_message = receive
        self.send_message = send
        self.is_live = is_live
        self.recheck = recheck
        self.next_look = time.monotonic() + recheck
        self.connected = False
        self.coming: Future[Message] | None = None
        self.ended = False

    async def receive(self) -> Message:
        """An ASGI `receive` for the app."""
        if not self.connected:
            self.connected = True
            return await self.receive_message()  # the handshake, which is there already
        while not self.ended:
            # Kept when the app gives up waiting, for it would take a message with it.
            self.coming = self.coming or asyncio.ensure_future(self.receive_message())
            await asyncio.wait({self.coming}, timeout=max(0, self.next_look - time.monotonic()))
            if self.coming.done():
                message, self.coming = self.coming.result(), None
                return message
            await self.look()
        return {"type": "websocket.disconnect", "code": SESSION_ENDED}

    async def send(self, message: Message) -> None:
        """An ASGI `send` for the app."""
        await self.look()
        if self.ended:
            raise OSError("The session of this WebSocket has ended.")
        await self.send_message(message)

    async def look(self) -> None:
        if self.ended or time.monotonic() < self.next_look:
            return
        self.next_look = time.monotonic() + self.recheck
        if not await self.is_live():
            self.ended = True
            await self.send_message({"type": "websocket.close", "code": SESSION_ENDED, "reason": "signed out"})

    def release(self) -> None:
        """Stop waiting for messages, when the app has returned."""
        if self.coming is not None:
            self.coming.cancel()
