"""A gate in front of the emulator that counts refreshes and can interrupt them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from asgi_tiktok.emulator import Emulator, Person
from asgi_tiktok.emulator.server import listen, serving, url_of
from benchmarks.worker import NAME

Moment = Literal["asked", "rotated", "answered"]


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh that reached the emulator, and the error code of its response, if it has one."""

    worker: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Trigger:
    """A function to call once, at this moment of a refresh.

    It gets the process id of the worker. If it returns False, the refresh never gets a response.
    """

    moment: Moment
    run: Callable[[int], bool]


class Gate:
    """Passes every request on to the emulator, unless a trigger is set and interrupts it."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.url = ""
        self.refreshes: list[Refresh] = []
        self.trigger: Trigger | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/v2/oauth/token/":
            await self.emulator(scope, receive, send)
            return

        request = Request(scope, receive)
        form = parse_qs(await request.body())
        answer: list[Message] = []

        async def again() -> Message:
            return {"type": "http.request", "body": await request.body()}

        async def keep(message: Message) -> None:
            answer.append(message)

        if form.get(b"grant_type") != [b"refresh_token"]:
            await self.emulator(scope, again, send)
            return
        worker = int(request.headers.get(NAME, "0"))
        if not self.continues("asked", worker):
            await receive()  # returns when the client has disconnected
            return
        await self.emulator(scope, again, keep)
        body = b"".join(message.get("body", b"") for message in answer)
        self.refreshes.append(Refresh(worker, json.loads(body).get("error")))
        if not self.continues("rotated", worker):
            await receive()
            return
        for message in answer:
            await send(message)
        self.continues("answered", worker)

    def continues(self, moment: Moment, worker: int) -> bool:
        if self.trigger is None or self.trigger.moment != moment:
            return True
        trigger, self.trigger = self.trigger, None
        return trigger.run(worker)


@contextmanager
def open_gate(people: int) -> Iterator[Gate]:
    """Run a gate on a real socket, in front of an emulator with `people` users.

    The emulator accepts each refresh token once.
    """
    cast = [Person(open_id=f"person-{number}", display_name=f"Person {number}") for number in range(people)]
    gate = Gate(Emulator(people=cast, rotate="strict"))
    with listen("127.0.0.1", 0) as listener, serving(gate, [listener]):
        gate.url = url_of("127.0.0.1", listener)
        yield gate
