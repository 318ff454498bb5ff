"""A TCP relay: an address that can lead to another server, a network that can fail, and a NAT that can forget."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal

CHANNEL = re.compile(rb"SUBSCRIBE|(?<!UN)LISTEN ")  # sent by a client that wants the notices of a store
TICK = 0.005  # seconds


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to connections through a relay.

    Attributes:
        cut: Whether they are closed, and new ones too.
        silent: Whether nothing passes. What was sent arrives after the fault, as TCP sends lost packets again.
        passes: What passes although the network is silent: "requests" to the server, or its "answers".
        delay: Seconds by which everything is late.
        channels_only: Whether only connections on which a client subscribes to notices are affected.
    """

    cut: bool = False
    silent: bool = False
    passes: Literal["", "requests", "answers"] = ""
    delay: float = 0
    channels_only: bool = False


CALM = Fault()


class Link:
    """One connection through a relay. Both directions have a queue, so that a delay does not change their order."""

    def __init__(self, relay: "Relay", client: asyncio.StreamWriter) -> None:
        self.relay = relay
        self.client = client
        self.is_channel = False
        self.forgotten = False

    @property
    def fault(self) -> Fault:
        fault = self.relay.fault
        return fault if self.is_channel or not fault.channels_only else CALM

    async def serve(self, reader: asyncio.StreamReader) -> None:
        if self.fault.cut:
            return
        with suppress(ConnectionError):
            there, back = await asyncio.open_connection("127.0.0.1", self.relay.target)
            tasks = [asyncio.create_task(part) for part in (self.pump(reader, back), self.pump(there, self.client))]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
                back.close()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes in one direction until the end of the connection."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivery = asyncio.create_task(self.deliver(waiting, writer))
        try:
            while data := await reader.read(65536):
                if writer is not self.client and CHANNEL.search(data):
                    self.is_channel = True
                    if self.fault.cut:
                        self.client.close()
                        return
                waiting.put_nowait((asyncio.get_running_loop().time(), data))
            waiting.put_nowait((0, b""))
            await delivery
        finally:
            delivery.cancel()

    async def deliver(self, waiting: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
        now = asyncio.get_running_loop().time
        direction = "answers" if writer is self.client else "requests"
        while True:
            read_at, data = await waiting.get()
            while (self.fault.silent and self.fault.passes != direction) or now() < read_at + self.fault.delay:
                await asyncio.sleep(TICK)
            if self.forgotten:
                continue
            if not data:
                writer.close()
                return
            writer.write(data)


class Relay:
    """Passes bytes between clients and the server at `target`.

    Attributes:
        port: Where clients connect.
        target: The port to which new connections lead.
        fault: What happens to connections now. Set it with `break_down`.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self.target = target
        self.fault = CALM
        self.links: dict[asyncio.Task[None], Link] = {}

    def break_down(self, fault: Fault) -> None:
        """Let the fault begin. CALM ends it."""
        self.fault = fault
        for link in self.links.values():
            if link.fault.cut:
                link.client.close()

    def forget(self) -> None:
        """Let all open connections swallow everything from now on, like a NAT. New connections work."""
        for link in self.links.values():
            link.forgotten = True

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(self, writer)
        task = asyncio.create_task(link.serve(reader))
        self.links[task] = link
        task.add_done_callback(self.links.pop)
        task.add_done_callback(lambda _: writer.close())


@asynccontextmanager
async def relaying(target: int) -> AsyncIterator[Relay]:
    """Run a relay on a free port until the end of the block."""
    relay = Relay(target)
    server = await asyncio.start_server(relay.accept, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        tasks = list(relay.links)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
