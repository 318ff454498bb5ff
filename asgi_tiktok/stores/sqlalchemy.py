"""A table in your own database, through SQLAlchemy: many machines, and it survives restarts."""

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Executable, Table, inspect, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateTable

from asgi_tiktok.errors import ConfigurationError, StoreError
from asgi_tiktok.stores.dialects import BATCH, Statements, explain, is_conflict, is_missing_table, is_race, new_table

logger = logging.getLogger("asgi_tiktok")

T = TypeVar("T")

DEADLINE = 4  # seconds for one step, with all its attempts
GRACE = 0.2  # seconds; to close a connection that hangs takes longer, and nobody waits for it
CONNECT_TIMEOUT = 2  # seconds
RECYCLE = 30 * 60  # seconds
ATTEMPTS = 4  # times one step is begun
CREATE_ATTEMPTS = 10  # times the table's creation is begun
PURGE_INTERVAL = 60  # seconds
PURGE_PAUSE = 0.05  # seconds between two batches
CONNECT_OPTIONS = {
    "asyncpg": "timeout",
    "psycopg": "connect_timeout",
    "aiomysql": "connect_timeout",
    "asyncmy": "connect_timeout",
    "aiosqlite": "timeout",
}
CURE = (
    "These work: postgresql+asyncpg://user@host/database, mysql+asyncmy://user@host/database, "
    "sqlite+aiosqlite:///file, or an AsyncEngine."
)


@dataclass(eq=False)
class Place:
    """What the store holds in one event loop."""

    engine: AsyncEngine
    creating: asyncio.Lock = field(default_factory=asyncio.Lock)
    steps: set[asyncio.Task[Any]] = field(default_factory=set)
    purging: asyncio.Task[None] | None = None


class SQLAlchemyStore:
    """Keeps records in a table of PostgreSQL, MySQL, MariaDB or SQLite.

    Takes the URL of an async driver, or an AsyncEngine that the app already has, which stays the app's to
    dispose of. The table is created on first use, unless `create_table=False`: then the app's migrations
    do it from `metadata`. When a record ends is decided by the database's clock alone. Expired rows are
    purged in small batches by a task behind a write.
    """

    def __init__(
        self, engine_or_url: AsyncEngine | URL | str, *, table: str = "tiktok_records", create_table: bool = True
    ) -> None:
        self.given = engine_or_url if isinstance(engine_or_url, AsyncEngine) else None
        self.url = self.given.url if self.given is not None else parse(engine_or_url)
        self.table: Table = new_table(table)
        self.metadata = self.table.metadata
        self.statements = Statements(self.table, self.url.get_backend_name())
        self.create_table = create_table
        self.created = not create_table
        self.places: dict[asyncio.AbstractEventLoop, Place] = {}
        self.pid = os.getpid()
        self.purged_at = float("-inf")
        if self.given is None:
            # A wrong URL and a missing driver show here, and not at the first request.
            new_engine(self.url)

    def __repr__(self) -> str:
        url = self.url.set(query={}).render_as_string(hide_password=True)
        return f"SQLAlchemyStore({url!r}, table={self.table.name!r})"

    async def get(self, key: str) -> bytes | None:
        rows = await self.fetch(self.statements.get, {"this": self.statements.encode(key)})
        return bytes(rows[0][0]) if rows else None

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        await self.change(self.statements.set, self.record(key, value, ttl, owner), repeatable=True)

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        record = self.record(key, value, ttl, owner)
        if self.statements.dialect != "mysql":
            return await self.change(self.statements.add, record) == 1
        # MySQL cannot make an upsert depend on the row, and reports the same count for both outcomes. What
        # has ended is absent to everybody, so to forget it first is no step that anyone can see.
        await self.change(self.statements.delete_ended, {"this": record["this"]}, repeatable=True)
        return await self.run(lambda connection: inserted(connection, self.statements.add, record))

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        return await self.change(self.statements.replace, {**self.record(key, new, ttl, owner), "old": old}) == 1

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        this = {"this": self.statements.encode(key)}
        if value is None:
            return await self.change(self.statements.delete, this) == 1
        return await self.change(self.statements.delete_same, {**this, "old": value}) == 1

    async def owned(self, owner: str) -> AsyncIterator[str]:
        whose = self.statements.encode(owner)
        after, past = 0, self.statements.encode("")
        while batch := await self.fetch(self.statements.owned, {"whose": whose, "after": after, "past": past}):
            for _, key in batch:
                yield self.statements.decode(key)
            after, past = batch[-1]

    async def delete_owned(self, owner: str) -> int:
        return await self.change(self.statements.delete_owned, {"whose": self.statements.encode(owner)})

    async def aclose(self) -> None:
        place = self.places.pop(asyncio.get_running_loop(), None)
        if place is None:
            return
        if place.purging is not None:
            place.purging.cancel()
            with suppress(asyncio.CancelledError):
                await place.purging
        if place.steps:
            await asyncio.wait(place.steps)
        if self.given is None:
            await place.engine.dispose()

    def record(self, key: str, value: bytes, ttl: int, owner: str | None) -> dict[str, Any]:
        encode = self.statements.encode
        return {"this": encode(key), "new": value, "ttl": ttl * 1000, "whose": encode(owner)}

    async def fetch(self, query: Executable, parameters: Mapping[str, Any]) -> list[Any]:
        async def step(connection: AsyncConnection) -> list[Any]:
            return list((await connection.execute(query, parameters)).all())

        return await self.run(step, repeatable=True)

    async def change(self, statement: Executable, parameters: Mapping[str, Any], *, repeatable: bool = False) -> int:
        result = await self.run(lambda connection: count(connection, statement, parameters), repeatable=repeatable)
        self.begin_purge()
        return result

    async def run(self, step: Callable[[AsyncConnection], Awaitable[T]], *, repeatable: bool = False) -> T:
        """Take one step in the database, in time. Whatever goes wrong is a StoreError without its cause.

        A step that is repeatable is begun again when its connection was lost before the answer came.
        """
        place = self.place()
        # A caller that is cancelled leaves the step behind, to end as it would have: a connection that is
        # given up in the middle of an answer is lost to the pool at best.
        task = asyncio.create_task(self.outcome(place, step, repeatable=repeatable))
        place.steps.add(task)
        task.add_done_callback(place.steps.discard)
        done, _ = await asyncio.wait({task}, timeout=DEADLINE + GRACE)
        result, failure = task.result() if done else (None, explain(TimeoutError()))
        if failure is not None:
            raise failure
        return cast(T, result)

    async def outcome(
        self, place: Place, step: Callable[[AsyncConnection], Awaitable[T]], *, repeatable: bool
    ) -> tuple[T | None, StoreError | None]:
        """The result, or the failure, which is raised elsewhere, lest the driver's talkative error be its context."""
        try:
            async with asyncio.timeout(DEADLINE):
                return await self.attempt(place, step, repeatable=repeatable), None
        except Exception as error:  # While they connect, drivers raise errors of their own making.
            return None, explain(error)

    async def attempt(self, place: Place, step: Callable[[AsyncConnection], Awaitable[T]], *, repeatable: bool) -> T:
        for left in reversed(range(ATTEMPTS)):
            try:
                if not self.created:
                    await self.create(place)
                async with place.engine.connect() as connection:
                    return await step(connection)
            except DBAPIError as error:
                if not left or not self.may_begin_again(error, repeatable=repeatable):
                    raise
            await asyncio.sleep(random.uniform(0, 0.05))  # noqa: S311
        raise AssertionError

    def may_begin_again(self, error: DBAPIError, *, repeatable: bool) -> bool:
        if is_missing_table(error) and self.create_table:
            self.created = False
            return True
        return is_conflict(error) or (error.connection_invalidated and repeatable)

    async def create(self, place: Place) -> None:
        """Create the table and its indexes, as far as they are missing."""
        async with place.creating:
            for left in reversed(range(CREATE_ATTEMPTS)):
                if self.created:
                    return
                try:
                    async with place.engine.connect() as connection:
                        await connection.run_sync(self.create_missing)
                    self.created = True
                except DBAPIError as error:
                    # Another worker is creating the same; not every database makes one wait for the other.
                    if not left or not is_race(error):
                        raise
                await asyncio.sleep(random.uniform(0, 0.1))  # noqa: S311

    def create_missing(self, connection: Connection) -> None:
        if not inspect(connection).has_table(self.table.name):
            connection.execute(CreateTable(self.table))
        for index in self.table.indexes:
            index.create(connection, checkfirst=True)

    def place(self) -> Place:
        if self.pid != os.getpid():
            # Connections must not be carried into a forked process.
            self.places, self.pid = {}, os.getpid()
        running = asyncio.get_running_loop()
        if running not in self.places:
            for loop in list(self.places):
                if loop.is_closed():
                    del self.places[loop]
            engine = new_engine(self.url) if self.given is None else self.given
            self.places[running] = Place(engine.execution_options(isolation_level="AUTOCOMMIT"))
        return self.places[running]

    def begin_purge(self) -> None:
        place = self.places.get(asyncio.get_running_loop())
        if place and place.purging is None and time.monotonic() - self.purged_at >= PURGE_INTERVAL:
            self.purged_at = time.monotonic()
            place.purging = asyncio.create_task(self.purge())
            place.purging.add_done_callback(lambda _: setattr(place, "purging", None))

    async def purge(self) -> None:
        """Forget the records whose time is over; nobody waits for it."""
        try:
            purged = BATCH
            while purged == BATCH:
                purged = await self.run(lambda connection: count(connection, self.statements.purge, {}))
                await asyncio.sleep(PURGE_PAUSE)
        except StoreError as error:
            logger.warning("expired records could not be purged: %s", error)


async def count(connection: AsyncConnection, statement: Executable, parameters: Mapping[str, Any]) -> int:
    """How many rows the statement matched."""
    result = await connection.execute(statement, parameters, execution_options={"preserve_rowcount": True})
    return int(result.rowcount)


async def inserted(connection: AsyncConnection, statement: Executable, parameters: Mapping[str, Any]) -> bool:
    """False when the key is taken."""
    try:
        return await count(connection, statement, parameters) == 1
    except IntegrityError:
        return False


def parse(url: object) -> URL:
    # The URL may hold a password, so no error repeats it, nor has one as its context that does.
    with suppress(ArgumentError, ValueError):
        url = make_url(url) if isinstance(url, str) else url
    if not isinstance(url, URL):
        raise ConfigurationError(f"The store is neither a database URL nor an AsyncEngine. {CURE}")
    if "+" not in url.drivername:
        raise ConfigurationError(f"{url.drivername}:// names no async driver. {CURE}")
    return url


def new_engine(url: URL) -> AsyncEngine:
    option = CONNECT_OPTIONS.get(url.get_driver_name())
    connect_args = {option: CONNECT_TIMEOUT} if option and option not in url.query else {}
    # At DEBUG, SQLAlchemy would log the rows that it read.
    quiet = logging.getLogger("sqlalchemy.engine.Engine.asgi_tiktok")
    quiet.setLevel(max(quiet.getEffectiveLevel(), logging.INFO))
    try:
        return create_async_engine(
            url,
            connect_args=connect_args,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            logging_name="asgi_tiktok",
            pool_pre_ping=True,
            pool_recycle=RECYCLE,
            pool_reset_on_return=None,
            skip_autocommit_rollback=True,
        )
    except ImportError:
        problem = (
            f"The driver of {url.drivername}:// is missing: pip install 'asgi-tiktok[sqlalchemy]' brings asyncpg."
        )
    except (SQLAlchemyError, TypeError, ValueError):
        problem = f"No async engine can be made of a {url.drivername}:// URL like this. {CURE}"
    raise ConfigurationError(problem)
