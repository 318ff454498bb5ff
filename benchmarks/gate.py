"""The gate in front of the emulator: it counts refreshes, and knows the moments of each."""

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
    """A refresh that reached the emulator, and its error, if that was the answer."""

    worker: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Ambush:
    """Something to do, once, at this moment of a refresh by a worker; False lets the request get lost."""

    moment: Moment
    spring: Callable[[int], bool]


class Gate:
    """Lets everything through to the emulator, unless an ambush was set."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.url = ""
        self.refreshes: list[Refresh] = []
        self.ambush: Ambush | None = None

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
        if not self.goes_on("asked", worker):
            await receive()  # returns when the one who asked is gone
            return
        await self.emulator(scope, again, keep)
        body = b"".join(message.get("body", b"") for message in answer)
        self.refreshes.append(Refresh(worker, json.loads(body).get("error")))
        if not self.goes_on("rotated", worker):
            await receive()
            return
        for message in answer:
            await send(message)
        self.goes_on("answered", worker)

    def goes_on(self, moment: Moment, worker: int) -> bool:
        if self.ambush is None or self.ambush.moment != moment:
            return True
        ambush, self.ambush = self.ambush, None
        return ambush.spring(worker)


@contextmanager
def open_gate(people: int) -> Iterator[Gate]:
    """A gate on a real socket, before an emulator with so many people that rotates strictly."""
    cast = [Person(open_id=f"person-{number}", display_name=f"Person {number}") for number in range(people)]
    gate = Gate(Emulator(people=cast, rotate="strict"))
    with listen("127.0.0.1", 0) as listener, serving(gate, [listener]):
        gate.url = url_of("127.0.0.1", listener)
        yield gate
