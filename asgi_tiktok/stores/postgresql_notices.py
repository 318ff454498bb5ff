"""Notices from PostgreSQL: LISTEN on a connection of its own, and echoes through the connections that write."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import Executable

from asgi_tiktok.errors import StoreError
from asgi_tiktok.stores.postgresql_connection import PostgreSQLAddress, within
from asgi_tiktok.stores.sqlalchemy_database import Database
from asgi_tiktok.stores.sqlalchemy_errors import UNREACHABLE
from asgi_tiktok.stores.sqlalchemy_options import CONNECT_TIMEOUT

MAX_WAITING = 100_000  # messages; one more ends the connection, because asyncpg receives without a limit


class PostgreSQLSubscription:
    """A connection that listens to the notices of a table and to its own echoes.

    Args:
        database (Database): Where the records are written.
        address (PostgreSQLAddress): How to connect to it.
        notices (str): The channel of the notices.
        echoes (str): The channel of the echoes.
        echo (Executable): The query that publishes the `number` on the `channel`.
    """

    def __init__(
        self, database: Database, address: PostgreSQLAddress, notices: str, echoes: str, echo: Executable
    ) -> None:
        self.database = database
        self.address = address
        self.notices = notices
        self.echoes = echoes
        self.query = echo
        self.messages: asyncio.Queue[str | int | None] = asyncio.Queue()

    async def receive(self) -> str | int:
        """Wait for the next message. Raises StoreError if the connection is lost."""
        message = await self.messages.get()
        if message is None:
            raise StoreError("The connection for notices was lost.", hint=UNREACHABLE)
        return message

    async def echo(self, number: int) -> None:
        """Publish the number. Raises StoreError, also if the server can no longer write."""
        parameters = {"channel": self.echoes, "number": str(number)}
        await self.database.run(lambda connection: connection.execute(self.query, parameters))

    async def listen(self) -> asyncpg.Connection:
        """Open the connection. Raises StoreError."""
        try:
            return await self.open()
        except Exception as error:
            failure = self.database.explain(error)
        # Raised here, so that the driver's error, which may hold secrets, is not its context.
        raise failure

    async def open(self) -> asyncpg.Connection:
        connection = await self.address.connect()
        connection.add_termination_listener(lambda _: self.messages.put_nowait(None))
        try:
            for channel in (self.notices, self.echoes):
                await within(CONNECT_TIMEOUT, connection, connection.add_listener(channel, self.accept))
        except Exception:
            connection.terminate()
            raise
        return connection

    def accept(self, connection: Any, pid: int, channel: str, payload: object) -> None:
        text = str(payload)
        if self.messages.qsize() >= MAX_WAITING:
            connection.terminate()
        elif channel == self.notices:
            self.messages.put_nowait(text)
        elif re.fullmatch("[0-9]{1,19}", text):  # Any user of the database can publish here.
            self.messages.put_nowait(int(text))


class PostgreSQLNotices:
    """Opens the subscriptions of one `EchoChannel`, one after another. Its arguments are those of a subscription."""

    def __init__(self, database: Database, address: PostgreSQLAddress, notices: str, echo: Executable) -> None:
        self.database = database
        self.address = address
        self.notices = notices
        # The same name each time, because a pooler keeps the listening connection of a lost subscription.
        self.echoes = f"asgi_tiktok_echo_{secrets.token_hex(16)}"
        self.echo = echo

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[PostgreSQLSubscription]:
        """Open a subscription. Raises StoreError."""
        subscription = PostgreSQLSubscription(self.database, self.address, self.notices, self.echoes, self.echo)
        connection = await subscription.listen()
        try:
            # After a failover, older connections may lead to a server to which nobody writes any more.
            self.database.loop_state().drop_reader()
            yield subscription
        finally:
            connection.terminate()
