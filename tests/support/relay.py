"""A TCP relay: an address that can lead to another server, and a NAT that can forget connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Relay:
    """Passes bytes between clients and a server.

    Attributes:
        port: Where clients connect.
        target: The port of the server to which new connections lead.
        silent: Whether new connections swallow everything, like a server whose packets disappear.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self.target = target
        self.silent = False
        self.open = 0
        self.holes: list[asyncio.Event] = []
        self.tasks: set[asyncio.Task[None]] = set()

    def forget(self) -> None:
        """Let all open connections swallow everything from now on. New connections work."""
        for hole in self.holes:
            hole.set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self.serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(lambda _: writer.close())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hole = asyncio.Event()
        if self.silent:
            hole.set()
        self.holes.append(hole)
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        self.open += 1
        try:
            await asyncio.gather(pump(reader, back, hole), pump(there, writer, hole))
        finally:
            self.open -= 1
            back.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hole: asyncio.Event) -> None:
    """Pass bytes until the end of the connection."""
    try:
        while data := await reader.read(65536):
            if not hole.is_set():
                writer.write(data)
                await writer.drain()
        if not hole.is_set():
            writer.close()
    except ConnectionError:
        writer.close()


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
        for task in list(relay.tasks):
            task.cancel()
        await asyncio.gather(*relay.tasks, return_exceptions=True)
