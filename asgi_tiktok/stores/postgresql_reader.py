"""Reads of single records in PostgreSQL, without SQLAlchemy, which takes ten times as long as the read itself."""

import asyncio
import time
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from asgi_tiktok.errors import StoreError
from asgi_tiktok.stores.postgresql_connection import PostgreSQLAddress, within
from asgi_tiktok.stores.sqlalchemy_engine import RECYCLE
from asgi_tiktok.stores.sqlalchemy_options import CONNECT_TIMEOUT

CONNECTIONS = 2
READ_TIMEOUT = 1  # seconds
PAUSE = 1  # seconds after a failure before another connection is opened


@dataclass(eq=False, slots=True)
class PreparedConnection:
    """A connection, and the query that it has prepared."""

    connection: asyncpg.Connection
    statement: PreparedStatement
    opened_at: float  # monotonic clock


class PostgreSQLReader:
    """Runs one query through a few connections of one event loop.

    A connection is opened in the background while the engine's connections make the read. They also make it again
    after any failure here, so this class reports no failure.

    Args:
        address (PostgreSQLAddress): The database.
        query (str): A query with one parameter, a string, in asyncpg's notation.
    """

    def __init__(self, address: PostgreSQLAddress, query: str) -> None:
        self.address = address
        self.query = query
        self.turns = asyncio.Semaphore(CONNECTIONS)
        self.idle: deque[PreparedConnection] = deque()
        self.connections: set[PreparedConnection] = set()
        self.opening: set[asyncio.Task[None]] = set()
        self.failed_at = float("-inf")
        self.closed = False

    async def read(self, parameter: object) -> list[Any] | None:
        """Return the rows, or None if the engine must read them. Raises StoreError if the store has been closed."""
        async with self.turns:
            prepared = self.take()
            rows = None if prepared is None else await self.read_with(prepared, parameter)
        if rows is None and self.closed:
            raise StoreError("The store was closed during a read.")
        return rows

    async def read_with(self, prepared: PreparedConnection, parameter: object) -> list[Any] | None:
        with suppress(Exception):  # The engine will meet it too, and explain it.
            rows: list[Any] = await within(READ_TIMEOUT, prepared.connection, prepared.statement.fetch(parameter))
            self.idle.append(prepared)
            return rows
        self.failed_at = time.monotonic()
        # The other connections have probably failed too.
        self.drop()
        return None

    def take(self) -> PreparedConnection | None:
        """Return an idle connection. Without one, return None, and open one in the background."""
        while self.idle:
            prepared = self.idle.popleft()
            if not prepared.connection.is_closed() and time.monotonic() - prepared.opened_at < RECYCLE:
                return prepared
            prepared.connection.terminate()
        self.connections = {prepared for prepared in self.connections if not prepared.connection.is_closed()}
        ready = not self.closed and time.monotonic() - self.failed_at > PAUSE
        if ready and len(self.connections) + len(self.opening) < CONNECTIONS:
            task = asyncio.create_task(self.open())
            self.opening.add(task)
            task.add_done_callback(self.opening.discard)
        return None

    async def open(self) -> None:
        with suppress(Exception):  # as in `read_with`
            connection = await self.address.connect()
            prepared = await self.prepare(connection)
            self.connections.add(prepared)
            self.idle.append(prepared)
            return
        self.failed_at = time.monotonic()

    async def prepare(self, connection: asyncpg.Connection) -> PreparedConnection:
        # Behind a pooler, other clients may have statements with asyncpg's names on the same connection.
        name = f"__asgi_tiktok_{uuid.uuid4().hex}__"
        try:
            statement = await within(CONNECT_TIMEOUT, connection, connection.prepare(self.query, name=name))
            # asyncpg's `prepare` alone leaves a transaction open, which would lock the table.
            await within(CONNECT_TIMEOUT, connection, statement.fetch(""))
        except Exception:
            connection.terminate()
            raise
        return PreparedConnection(connection, statement, time.monotonic())

    def drop(self) -> None:
        """End all connections. The engine makes the reads again that were running."""
        for task in self.opening:
            task.cancel()
        for prepared in self.connections:
            prepared.connection.terminate()
        self.idle.clear()

    async def finish(self) -> None:
        """Begin no other read, and wait for those that are running."""
        self.closed = True
        for task in self.opening:
            task.cancel()
        await asyncio.gather(*self.opening, return_exceptions=True)
        for _ in range(CONNECTIONS):
            await self.turns.acquire()
