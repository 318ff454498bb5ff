"""WebSockets and streamed responses that stay open only as long as their session lasts."""

import asyncio
import time
from asyncio import Future, Task
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from starlette.types import Message, Receive, Scope, Send

SESSION_ENDED = 4401  # a private close code of WebSockets (RFC 6455 §7.4.2), after HTTP's 401

S = TypeVar("S", contravariant=True)


class Liveness(Protocol[S]):
    """What a connection must know about sessions of the type S."""

    recheck: float
    """Seconds between two checks."""

    async def is_live(self, session: S) -> bool:
        """Return False once the session has ended."""
        ...

    def watch(self, session: S, callback: Callable[[], object]) -> None:
        """Call back when the session may have ended, at once if it may have ended already, until `unwatch`."""
        ...

    def unwatch(self, session: S, callback: Callable[[], object]) -> None:
        """Stop calling back."""
        ...


class LiveConnection(Generic[S]):
    """Checks whether the session is live, every `recheck` seconds and at each notice, and ends the connection if not.

    Without a notice nothing runs beside the app: the check is made while the app waits for a message, or before it
    sends one. The app then receives a disconnect, and OSError when it sends, if the server promises that (ASGI:
    HTTP, Disconnected Client; WebSocket, Send). A response that is not streamed is never checked.
    """

    next_check: float | None = None  # monotonic clock; None until the app streams or waits
    waiting = False
    ended = False
    pending: Future[Message] | None = None

    def __init__(self, scope: Scope, receive: Receive, send: Send, liveness: Liveness[S], session: S) -> None:
        self.scope = scope
        self.is_http = scope["type"] == "http"
        self.receive_message = receive
        self.send_message = send
        self.liveness = liveness
        self.session = session
        self.checks: set[Task[None]] = set()  # several, if notices arrive one after another
        self.over: Future[None] = asyncio.get_running_loop().create_future()

    async def receive(self) -> Message:
        """An ASGI `receive` for the app."""
        if not self.waiting:
            message = await self.receive_message()
            self.waiting = not message.get("more_body")  # after the handshake, or the whole request body
            return message
        while not self.over.done():
            # Kept when the app stops waiting, because cancelling it would lose a message.
            self.pending = self.pending or asyncio.ensure_future(self.receive_message())
            waits: set[Future[Message] | Future[None]] = {self.pending, self.over}
            timeout = max(0, self.due_at() - time.monotonic())
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if self.pending.done():
                message, self.pending = self.pending.result(), None
                return message
            await self.recheck_if_due()
        if self.is_http:
            return {"type": "http.disconnect"}
        return {"type": "websocket.disconnect", "code": SESSION_ENDED}

    def send(self, message: Message) -> Awaitable[None]:
        """An ASGI `send` for the app."""
        if self.next_check is None and self.is_http and not message.get("more_body"):
            return self.send_message(message)
        if message["type"] == "websocket.accept":
            self.due_at()
            return self.send_message(message)
        return self.send_if_live(message)

    async def send_if_live(self, message: Message) -> None:
        await self.recheck_if_due()
        if not self.ended:
            await self.send_message(message)
        elif not self.is_http or self.scope.get("asgi", {}).get("spec_version", "2.0") >= "2.4":
            raise OSError("The session of this connection has ended.")

    def due_at(self) -> float:
        """The time of the next check (monotonic clock). The first call begins to watch the session."""
        if self.next_check is None:
            self.next_check = time.monotonic() + self.liveness.recheck
            self.liveness.watch(self.session, self.on_notice)
        return self.next_check

    def on_notice(self) -> None:
        """Check at once, because the session may have ended."""
        self.next_check = 0.0
        check = asyncio.ensure_future(self.recheck_if_due())
        self.checks.add(check)
        check.add_done_callback(self.checks.discard)

    async def recheck_if_due(self) -> None:
        if self.ended or time.monotonic() < self.due_at():
            return
        self.next_check = time.monotonic() + self.liveness.recheck
        if await self.liveness.is_live(self.session) or self.ended:
            return
        self.ended = True
        await self.send_message(
            {"type": "http.response.body", "body": b"", "more_body": False}
            if self.is_http
            else {"type": "websocket.close", "code": SESSION_ENDED, "reason": "signed out"}
        )
        # Only now may the app learn it: if it returned before, this message would be lost.
        self.over.set_result(None)

    def release(self) -> None:
        """Stop waiting and checking, because the app has returned."""
        if self.next_check is not None:
            self.liveness.unwatch(self.session, self.on_notice)
        for task in (self.pending, *self.checks):
            if task is not None:
                task.cancel()
