"""The connections of the store: an engine for each event loop, with time limits and retries for each operation."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import Select, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from asgi_tiktok.errors import StoreError
from asgi_tiktok.event_loop import running_loop
from asgi_tiktok.stores.sqlalchemy_engine import engine_settings, mark_as_ours, new_engine
from asgi_tiktok.stores.sqlalchemy_errors import CONFLICT, LOST_STATEMENT, READ_ONLY, UNREACHABLE, code_of, explain
from asgi_tiktok.stores.sqlalchemy_options import EngineSettings

if TYPE_CHECKING:  # They need asyncpg.
    from asgi_tiktok.stores.postgresql_connection import PostgreSQLAddress
    from asgi_tiktok.stores.postgresql_reader import PostgreSQLReader

T = TypeVar("T")
Operation = Callable[[AsyncConnection], Awaitable[T]]
Prepare = Callable[["LoopState"], Awaitable[None]]

DEADLINE = 4  # seconds for one operation, including all its attempts
CANCEL_WAIT = 0.2  # seconds for the end of an operation that missed the deadline; closing its connection can hang
CLOSE_WAIT = 2.5  # seconds for the end of all operations when the store is closed
DISPOSE_WAIT = 1  # seconds for closing all connections
MAX_ATTEMPTS = 4  # at one operation


@dataclass(eq=False)
class LoopState:
    """The engine and the running tasks of one event loop."""

    engine: AsyncEngine
    autocommit: bool
    retired: list[AsyncEngine] = field(default_factory=list)
    preparing: asyncio.Lock = field(default_factory=asyncio.Lock)
    operations: set[asyncio.Task[Any]] = field(default_factory=set)
    background: set[asyncio.Task[None]] = field(default_factory=set)
    reader: "PostgreSQLReader | None" = None

    def drop_reader(self) -> None:
        """End the connections beside the engine that read."""
        if self.reader is not None:
            self.reader.drop()

    def connect(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a connection. Each statement, or without autocommit all of them, are one transaction."""
        return self.engine.connect() if self.autocommit else self.engine.begin()


class Database:
    """Runs operations in a database.

    Args:
        engine_or_url (AsyncEngine | URL | str): The app's engine, which is never disposed of, or a URL.
        prepare (Prepare): Is called before each operation.
        repair (Callable[[str], bool]): Is called with the code of an error. Returns whether to try again.
    """

    def __init__(
        self, engine_or_url: AsyncEngine | URL | str, *, prepare: Prepare, repair: Callable[[str], bool]
    ) -> None:
        self.given_engine = engine_or_url if isinstance(engine_or_url, AsyncEngine) else None
        self.settings = EngineSettings(self.given_engine.url) if self.given_engine else engine_settings(engine_or_url)
        self.prepare = prepare
        self.repair = repair
        self.autocommit = not self.settings.pgbouncer
        # For connections of asyncpg alone. None: another driver, a pooler, or settings that only the app knows.
        self.address: PostgreSQLAddress | None = None
        self.states: dict[asyncio.AbstractEventLoop, LoopState] = {}
        self.inherited: list[object] = []
        self.pid = os.getpid()

    def check_driver(self) -> None:
        """Raise ConfigurationError for a wrong URL or a missing driver now, and not at the first request."""
        if self.given_engine is not None:
            return
        engine = new_engine(self.settings, autocommit=self.autocommit)
        if engine.driver == "asyncpg" and self.autocommit:
            from asgi_tiktok.stores.postgresql_connection import PostgreSQLAddress

            self.address = PostgreSQLAddress(self.settings, engine.dialect)

    async def read(self, query: Select[Any], parameter: object) -> list[Any] | None:
        """Run a query without the overhead of SQLAlchemy. It has one parameter, and is the same at each call.

        Return the rows, or None if `run` must run it.
        """
        if self.address is None:
            return None
        state = self.loop_state()
        if state.reader is None:
            from asgi_tiktok.stores.postgresql_reader import PostgreSQLReader

            state.reader = reader = PostgreSQLReader(self.address, str(query.compile(dialect=state.engine.dialect)))
            # If the engine's connections must be replaced, those of the reader must be replaced too.
            event.listen(state.engine.sync_engine, "invalidate", lambda *_: reader.drop())
        return await state.reader.read(parameter)

    async def run(self, operation: Operation[T], *, repeatable: bool = False) -> T:
        """Run one operation within DEADLINE. Every failure is a StoreError that has no cause.

        A repeatable operation is tried again if the connection was lost before its result arrived.
        """
        state = self.loop_state()
        # If the caller is cancelled, the operation continues, because a connection that is abandoned in the middle of
        # a result is lost to the pool at best.
        task = asyncio.create_task(self.outcome(state, operation, repeatable=repeatable))
        state.operations.add(task)
        task.add_done_callback(state.operations.discard)
        done, _ = await asyncio.wait({task}, timeout=DEADLINE + CANCEL_WAIT)
        result, failure = task.result() if done else (None, self.explain(TimeoutError()))
        if failure is not None:
            raise failure
        return cast(T, result)

    def run_in_background(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run until the end, or until `aclose`."""
        background = self.loop_state().background
        task = asyncio.create_task(coroutine)
        background.add(task)
        task.add_done_callback(background.discard)

    async def aclose(self) -> None:
        """End the running operations, and close the connections of the running event loop, within four seconds."""
        state = self.states.pop(running_loop(), None)
        if state is None:
            return
        for task in state.background:
            task.cancel()
        await ended(state.background, CANCEL_WAIT)
        if state.reader is not None:
            state.operations.add(asyncio.create_task(state.reader.finish()))
        for task in await ended(state.operations, CLOSE_WAIT):
            task.cancel()
        await ended(state.operations, CANCEL_WAIT)
        state.drop_reader()
        if self.given_engine is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(DISPOSE_WAIT):
                    for engine in (state.engine, *state.retired):
                        await engine.dispose()

    async def outcome(
        self, state: LoopState, operation: Operation[T], *, repeatable: bool
    ) -> tuple[T | None, StoreError | None]:
        """Return the result and None, or None and the error to raise.

        The caller raises it, so that the driver's error, which may hold secrets, does not become its context.
        """
        try:
            async with asyncio.timeout(DEADLINE):
                return await self.run_with_retries(state, operation, repeatable=repeatable), None
        except Exception as error:  # While connecting, drivers raise errors that SQLAlchemy does not wrap.
            return None, self.explain(error)
        except asyncio.CancelledError:
            # By aclose(). The callers have not been cancelled.
            return None, StoreError("The store was closed before the database answered.", hint=UNREACHABLE)

    async def run_with_retries(self, state: LoopState, operation: Operation[T], *, repeatable: bool) -> T:
        for left in reversed(range(MAX_ATTEMPTS)):
            try:
                await self.prepare(state)
                async with state.connect() as connection:
                    return await operation(connection)
            except DBAPIError as error:
                if not left or not self.may_retry(state, error, repeatable=repeatable):
                    raise
            await asyncio.sleep(random.uniform(0, 0.05))  # noqa: S311
        raise AssertionError

    def may_retry(self, state: LoopState, error: DBAPIError, *, repeatable: bool) -> bool:
        code = code_of(error)
        if code in LOST_STATEMENT and state.autocommit:
            self.use_transactions(state)
        # Such a statement was aborted, refused or unknown to the server, so it has written nothing.
        nothing_written = code in {*CONFLICT, *READ_ONLY, *LOST_STATEMENT}
        return nothing_written or self.repair(code) or (error.connection_invalidated and repeatable)

    def use_transactions(self, state: LoopState) -> None:
        """Run each operation in a transaction from now on, because a pooler keeps it on one connection."""
        self.autocommit = state.autocommit = False
        self.address = None
        state.drop_reader()
        state.retired.append(state.engine)
        state.engine = self.open_engine()

    def explain(self, error: Exception) -> StoreError:
        return explain(error, pool_size=self.settings.pool_size)

    def open_engine(self) -> AsyncEngine:
        engine = self.given_engine or new_engine(self.settings, autocommit=self.autocommit)
        return mark_as_ours(engine, **({"isolation_level": "AUTOCOMMIT"} if self.autocommit else {}))

    def loop_state(self) -> LoopState:
        if self.pid != os.getpid():
            # A forked process must not use its parent's connections. asyncpg would end them if they were collected.
            self.inherited.append(self.states)
            self.states, self.pid = {}, os.getpid()
        running = running_loop()
        if running not in self.states:
            for loop in list(self.states):
                if loop.is_closed():
                    del self.states[loop]
            self.states[running] = LoopState(self.open_engine(), self.autocommit)
        return self.states[running]


async def ended(tasks: set[asyncio.Task[Any]], seconds: float) -> set[asyncio.Task[Any]]:
    """Wait for the tasks, and return those that still run."""
    return (await asyncio.wait(tasks, timeout=seconds))[1] if tasks else set()
