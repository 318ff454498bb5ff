"""A store in a table of the app's database, through SQLAlchemy, for many machines."""

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from asgi_tiktok.errors import ConfigurationError, StoreError
from asgi_tiktok.event_loop import running_loop

try:
    from sqlalchemy import Connection, Executable, Table, inspect
    from sqlalchemy.engine import URL
    from sqlalchemy.exc import DBAPIError, IntegrityError
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
    from sqlalchemy.schema import CreateTable
except ImportError as error:
    raise ConfigurationError(
        "The SQLAlchemy store needs the package sqlalchemy.", hint="Run: pip install 'asgi-tiktok[sqlalchemy]'"
    ) from error

from asgi_tiktok.stores.dialects import BATCH, CONFLICT, MISSING_TABLE, RACE, Statements, code_of, explain, new_table
from asgi_tiktok.stores.sqlalchemy_engine import new_engine, parse_url

__all__ = ["SQLAlchemyStore"]

logger = logging.getLogger("asgi_tiktok")

T = TypeVar("T")
Operation = Callable[[AsyncConnection], Awaitable[T]]

DEADLINE = 4  # seconds for one operation, including all its attempts
CANCEL_WAIT = 0.2  # seconds for the end of an operation that missed the deadline; closing its connection can hang
MAX_ATTEMPTS = 4  # at one operation
MAX_CREATE_ATTEMPTS = 10  # at the creation of the table
PURGE_INTERVAL = 60  # seconds
PURGE_PAUSE = 0.05  # seconds between two batches


@dataclass(eq=False)
class LoopState:
    """The engine and the running tasks of one event loop."""

    engine: AsyncEngine
    creating: asyncio.Lock = field(default_factory=asyncio.Lock)
    operations: set[asyncio.Task[Any]] = field(default_factory=set)
    purging: asyncio.Task[None] | None = None


class SQLAlchemyStore:
    """A store in a table of PostgreSQL, MySQL, MariaDB or SQLite.

    The database's clock alone decides when a record expires. Expired records are deleted in small batches by
    a task that a write starts.

    Args:
        engine_or_url (AsyncEngine | URL | str): A URL with an async driver, for example
            `postgresql+asyncpg://user@host/database`, or the app's engine, which the store never disposes of.
        table (str): The name of the table. Default: `tiktok_records`.
        create_table (bool): Whether the store creates the table on first use. Set it to False if your
            migrations create it from `metadata`. Default: True.

    Attributes:
        table (Table): The table.
        metadata (MetaData): The metadata that contains only this table, for migrations.

    Raises:
        ConfigurationError: The URL, the driver or the name of the table cannot be used.
    """

    def __init__(
        self, engine_or_url: AsyncEngine | URL | str, *, table: str = "tiktok_records", create_table: bool = True
    ) -> None:
        self._given_engine = engine_or_url if isinstance(engine_or_url, AsyncEngine) else None
        self._url = parse_url(engine_or_url) if self._given_engine is None else self._given_engine.url
        self.table: Table = new_table(table)
        self.metadata = self.table.metadata
        self._statements = Statements(self.table, self._url.get_backend_name())
        self._create_table = create_table
        self._created = not create_table
        self._loop_states: dict[asyncio.AbstractEventLoop, LoopState] = {}
        self._pid = os.getpid()
        self._purged_at = float("-inf")
        if self._given_engine is None:
            # Created and dropped, so that a wrong URL or a missing driver raises now and not at the first request.
            new_engine(self._url)

    def __repr__(self) -> str:
        url = self._url.set(query={}).render_as_string(hide_password=True)
        return f"SQLAlchemyStore({url!r}, table={self.table.name!r})"

    async def get(self, key: str) -> bytes | None:
        rows = await self._fetch(self._statements.get, {"this": self._statements.encode(key)})
        return bytes(rows[0][0]) if rows else None

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        await self._change(self._statements.set, self._record(key, value, ttl, owner), repeatable=True)

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        record = self._record(key, value, ttl, owner)
        if self._statements.dialect != "mysql":
            return await self._change(self._statements.add, record) == 1
        # An upsert of MySQL cannot depend on the existing row, and its row count does not show which case happened.
        # Deleting the expired record first is safe, because no method sees an expired record.
        await self._change(self._statements.delete_ended, {"this": record["this"]}, repeatable=True)
        return await self._run(lambda connection: inserted(connection, self._statements.add, record))

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        return await self._change(self._statements.replace, {**self._record(key, new, ttl, owner), "old": old}) == 1

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        this = {"this": self._statements.encode(key)}
        if value is None:
            return await self._change(self._statements.delete, this) == 1
        return await self._change(self._statements.delete_same, {**this, "old": value}) == 1

    async def owned(self, owner: str) -> AsyncIterator[str]:
        whose = self._statements.encode(owner)
        after, past = 0, self._statements.encode("")
        while batch := await self._fetch(self._statements.owned, {"whose": whose, "after": after, "past": past}):
            for _, key in batch:
                yield key.decode("ascii") if isinstance(key, bytes) else key
            after, past = batch[-1]

    async def delete_owned(self, owner: str) -> int:
        return await self._change(self._statements.delete_owned, {"whose": self._statements.encode(owner)})

    async def aclose(self) -> None:
        state = self._loop_states.pop(running_loop(), None)
        if state is None:
            return
        if state.purging is not None:
            state.purging.cancel()
            with suppress(asyncio.CancelledError):
                await state.purging
        if state.operations:
            await asyncio.wait(state.operations)
        if self._given_engine is None:
            await state.engine.dispose()

    def _record(self, key: str, value: bytes, ttl: int, owner: str | None) -> dict[str, Any]:
        encode = self._statements.encode
        return {"this": encode(key), "new": value, "ttl": ttl * 1000, "whose": encode(owner)}

    async def _fetch(self, query: Executable, parameters: Mapping[str, Any]) -> list[Any]:
        async def operation(connection: AsyncConnection) -> list[Any]:
            return list((await connection.execute(query, parameters)).all())

        return await self._run(operation, repeatable=True)

    async def _change(self, statement: Executable, parameters: Mapping[str, Any], *, repeatable: bool = False) -> int:
        result = await self._run(lambda connection: count(connection, statement, parameters), repeatable=repeatable)
        self._start_purge()
        return result

    async def _run(self, operation: Operation[T], *, repeatable: bool = False) -> T:
        """Run one operation within DEADLINE. Every failure is a StoreError that has no cause.

        A repeatable operation is tried again if the connection was lost before its result arrived.
        """
        state = self._loop_state()
        # If the caller is cancelled, the operation continues, because a connection that is abandoned in the middle of
        # a result is lost to the pool at best.
        task = asyncio.create_task(self._outcome(state, operation, repeatable=repeatable))
        state.operations.add(task)
        task.add_done_callback(state.operations.discard)
        done, _ = await asyncio.wait({task}, timeout=DEADLINE + CANCEL_WAIT)
        result, failure = task.result() if done else (None, explain(TimeoutError()))
        if failure is not None:
            raise failure
        return cast(T, result)

    async def _outcome(
        self, state: LoopState, operation: Operation[T], *, repeatable: bool
    ) -> tuple[T | None, StoreError | None]:
        """Return the result and None, or None and the error to raise.

        The caller raises it, so that the driver's error, which may hold secrets, does not become its context.
        """
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._run_with_retries(state, operation, repeatable=repeatable), None
        except Exception as error:  # While connecting, drivers raise errors that SQLAlchemy does not wrap.
            return None, explain(error)

    async def _run_with_retries(self, state: LoopState, operation: Operation[T], *, repeatable: bool) -> T:
        for left in reversed(range(MAX_ATTEMPTS)):
            try:
                if not self._created:
                    await self._create(state)
                async with state.engine.connect() as connection:
                    return await operation(connection)
            except DBAPIError as error:
                if not left or not self._may_retry(error, repeatable=repeatable):
                    raise
            await asyncio.sleep(random.uniform(0, 0.05))  # noqa: S311
        raise AssertionError

    def _may_retry(self, error: DBAPIError, *, repeatable: bool) -> bool:
        code = code_of(error)
        if code in MISSING_TABLE and self._create_table:
            self._created = False
            return True
        return code in CONFLICT or (error.connection_invalidated and repeatable)

    async def _create(self, state: LoopState) -> None:
        """Create the table and its indexes if they do not exist."""
        async with state.creating:
            for left in reversed(range(MAX_CREATE_ATTEMPTS)):
                if self._created:
                    return
                try:
                    async with state.engine.connect() as connection:
                        await connection.run_sync(self._create_missing)
                    self._created = True
                except DBAPIError as error:
                    # Another worker is creating them too, and not every database makes one of them wait.
                    if not left or code_of(error) not in RACE:
                        raise
                await asyncio.sleep(random.uniform(0, 0.1))  # noqa: S311

    def _create_missing(self, connection: Connection) -> None:
        if not inspect(connection).has_table(self.table.name):
            connection.execute(CreateTable(self.table))
        for index in self.table.indexes:
            index.create(connection, checkfirst=True)

    def _loop_state(self) -> LoopState:
        if self._pid != os.getpid():
            # A forked process must not use its parent's connections.
            self._loop_states, self._pid = {}, os.getpid()
        running = running_loop()
        if running not in self._loop_states:
            for loop in list(self._loop_states):
                if loop.is_closed():
                    del self._loop_states[loop]
            engine = new_engine(self._url) if self._given_engine is None else self._given_engine
            self._loop_states[running] = LoopState(engine.execution_options(isolation_level="AUTOCOMMIT"))
        return self._loop_states[running]

    def _start_purge(self) -> None:
        state = self._loop_states.get(running_loop())
        if state and state.purging is None and time.monotonic() - self._purged_at >= PURGE_INTERVAL:
            self._purged_at = time.monotonic()
            state.purging = asyncio.create_task(self._purge())
            state.purging.add_done_callback(lambda _: setattr(state, "purging", None))

    async def _purge(self) -> None:
        """Delete all expired records, batch by batch."""
        try:
            purged = BATCH
            while purged == BATCH:
                purged = await self._run(lambda connection: count(connection, self._statements.purge, {}))
                await asyncio.sleep(PURGE_PAUSE)
        except StoreError as error:
            logger.warning("expired records not deleted: %s", error)


async def count(connection: AsyncConnection, statement: Executable, parameters: Mapping[str, Any]) -> int:
    """Return the number of rows that the statement matched."""
    result = await connection.execute(statement, parameters, execution_options={"preserve_rowcount": True})
    return int(result.rowcount)


async def inserted(connection: AsyncConnection, statement: Executable, parameters: Mapping[str, Any]) -> bool:
    """Return whether the row was inserted. It is not if the key exists."""
    try:
        return await count(connection, statement, parameters) == 1
    except IntegrityError:
        return False
