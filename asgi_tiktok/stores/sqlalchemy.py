"""A store in a table of the app's database, through SQLAlchemy, for many machines."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from asgi_tiktok.errors import ConfigurationError, StoreError
from asgi_tiktok.events.event import Event, count_event

try:
    from sqlalchemy import Connection, Executable, MetaData, Table, inspect
    from sqlalchemy.engine import URL
    from sqlalchemy.exc import DBAPIError, IntegrityError
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
    from sqlalchemy.schema import CreateTable
except ImportError as error:
    raise ConfigurationError(
        "The SQLAlchemy store needs the package sqlalchemy.", hint="Run: pip install 'asgi-tiktok[sqlalchemy]'"
    ) from error

from asgi_tiktok.stores.dialects import BATCH, Statements, new_table, notice_channel
from asgi_tiktok.stores.echo_channel import EchoChannel
from asgi_tiktok.stores.notices import Channel, Listener
from asgi_tiktok.stores.record_format import MILLISECONDS, check_format
from asgi_tiktok.stores.sqlalchemy_database import Database, LoopState
from asgi_tiktok.stores.sqlalchemy_errors import MISSING_TABLE, RACE, READ_ONLY, code_of

__all__ = ["SQLAlchemyStore"]

logger = logging.getLogger("asgi_tiktok")

MAX_PREPARE_ATTEMPTS = 10  # at the creation of the table
PURGE_INTERVAL = 60  # seconds
PURGE_PAUSE = 0.05  # seconds between two batches


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

    notice_bound: float = 2.0  # seconds; PostgreSQL commits one transaction with an echo at a time

    def __init__(
        self, engine_or_url: AsyncEngine | URL | str, *, table: str = "tiktok_records", create_table: bool = True
    ) -> None:
        self._database = Database(engine_or_url, prepare=self._prepare, repair=self._repair)
        self.table: Table = new_table(table)
        self.metadata: MetaData = self.table.metadata
        self._statements = Statements(self.table, self._database.settings.url.get_backend_name())
        self._database.check_driver()
        self._create_table = create_table
        self._prepared = False
        self._purged_at = float("-inf")

    def __repr__(self) -> str:
        url = self._database.settings.url.set(query={}).render_as_string(hide_password=True)
        return f"SQLAlchemyStore({url!r}, table={self.table.name!r})"

    async def get(self, key: str) -> bytes | None:
        this = self._statements.encode(key)
        rows = await self._database.read(self._statements.get, this) if self._prepared else None
        if rows is None:
            rows = await self._fetch(self._statements.get, {"this": this})
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
        return await self._database.run(lambda connection: inserted(connection, self._statements.add, record))

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        return await self._change(self._statements.replace, {**self._record(key, new, ttl, owner), "old": old}) == 1

    async def touch(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        return await self._change(self._statements.touch, {**self._record(key, new, ttl, owner), "old": old}) == 1

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

    def open_channel(self, listener: Listener, *, bound: float) -> Channel | None:
        address = self._database.address
        if address is None:
            return None
        from asgi_tiktok.stores.postgresql_notices import PostgreSQLNotices

        notices = PostgreSQLNotices(self._database, address, notice_channel(self.table), self._statements.echo)
        return EchoChannel(notices.subscribe, listener, bound)

    async def aclose(self) -> None:
        await self._database.aclose()

    def _record(self, key: str, value: bytes, ttl: int, owner: str | None) -> dict[str, Any]:
        encode = self._statements.encode
        return {"this": encode(key), "new": value, "ttl": ttl * 1000, "whose": encode(owner)}

    async def _fetch(self, query: Executable, parameters: Mapping[str, Any]) -> list[Any]:
        async def operation(connection: AsyncConnection) -> list[Any]:
            return list((await connection.execute(query, parameters)).all())

        return await self._database.run(operation, repeatable=True)

    async def _change(self, statement: Executable, parameters: Mapping[str, Any], *, repeatable: bool = False) -> int:
        changed = await self._database.run(
            lambda connection: count(connection, statement, parameters), repeatable=repeatable
        )
        if time.monotonic() - self._purged_at >= PURGE_INTERVAL:
            self._purged_at = time.monotonic()
            self._database.run_in_background(self._purge())
        return changed

    async def _prepare(self, state: LoopState) -> None:
        """Create the table and its indexes if they do not exist, and check the format of the records."""
        if self._prepared:
            return
        async with state.preparing:
            for left in reversed(range(MAX_PREPARE_ATTEMPTS)):
                if self._prepared:
                    return
                try:
                    async with state.connect() as connection:
                        if self._create_table:
                            await connection.run_sync(self._create_missing)
                        await self._check_format(connection)
                    self._prepared = True
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

    async def _check_format(self, connection: AsyncConnection) -> None:
        mark = (await connection.execute(self._statements.mark)).scalar_one_or_none()
        first, last = (None, None) if mark else (await connection.execute(self._statements.extremes)).one()
        check_format(MILLISECONDS, mark and bytes(mark), first, last, f"The table {self.table.name}")
        if mark is None:
            try:
                await connection.execute(self._statements.add_mark)
            except DBAPIError as error:
                # A read-only server can still be read.
                if code_of(error) not in READ_ONLY:
                    raise

    def _repair(self, code: str) -> bool:
        """Let the table be created again if it is missing."""
        missing = code in MISSING_TABLE and self._create_table
        self._prepared = self._prepared and not missing
        return missing

    async def _purge(self) -> None:
        """Delete all expired records, batch by batch."""
        try:
            purged = BATCH
            while purged == BATCH:
                purged = await self._database.run(lambda connection: count(connection, self._statements.purge, {}))
                await asyncio.sleep(PURGE_PAUSE)
        except StoreError as error:
            logger.warning("expired records not deleted: %s", error, extra=count_event(Event.STORE_FAILED, error))


async def count(connection: AsyncConnection, statement: Executable, parameters: Mapping[str, Any]) -> int:
    """Return the number of rows that the statement changed. One that sends notices returns it."""
    result = await connection.execute(statement, parameters, execution_options={"preserve_rowcount": True})
    return int(result.scalar_one() if result.returns_rows else result.rowcount)


async def inserted(connection: AsyncConnection, statement: Executable, parameters: Mapping[str, Any]) -> bool:
    """Return whether the row was inserted. It is not if the key exists."""
    try:
        return await count(connection, statement, parameters) == 1
    except IntegrityError:
        return False
