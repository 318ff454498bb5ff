"""Connections to PostgreSQL beside those of SQLAlchemy, with asyncpg alone: for reads and for notices."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import asyncpg
from sqlalchemy import Dialect

from asgi_tiktok.stores.sqlalchemy_options import EngineSettings

T = TypeVar("T")

CANCEL_WAIT = 0.2  # seconds
SQLALCHEMYS_OWN = ("prepared_statement_cache_size", "prepared_statement_name_func")  # arguments


class PostgreSQLAddress:
    """A database, and how asyncpg connects to it."""

    def __init__(self, settings: EngineSettings, dialect: Dialect) -> None:
        _, from_url = dialect.create_connect_args(settings.url)
        arguments = {**from_url, **settings.connect_args}
        self._arguments = {name: value for name, value in arguments.items() if name not in SQLALCHEMYS_OWN}

    async def connect(self) -> asyncpg.Connection:
        """Open a connection. It must be terminated, because closing it would wait for the server."""
        connecting = asyncio.ensure_future(asyncpg.connect(**self._arguments))
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            # If asyncpg is cancelled while it connects, it reports an error that nothing can catch. So it goes on
            # until its own time limit, and this task waits only for a moment.
            connecting.add_done_callback(terminate)
            await asyncio.wait({connecting}, timeout=CANCEL_WAIT)
            raise


def terminate(connecting: asyncio.Future[asyncpg.Connection]) -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().terminate()


async def within(seconds: float, connection: asyncpg.Connection, work: Awaitable[T]) -> T:
    """Return the result of the work on the connection, which is terminated if the work is late or cancelled.

    With its own limit, asyncpg would open another connection, to ask the server to cancel the statement.
    """
    timer = asyncio.get_running_loop().call_later(seconds, connection.terminate)
    try:
        return await work
    except asyncio.CancelledError:
        connection.terminate()
        raise
    finally:
        timer.cancel()
