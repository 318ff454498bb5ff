"""The SQLAlchemy engine that the store creates from a URL, and what it does with connections that fail."""

import asyncio
import logging
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import event, make_url
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import ArgumentError, InvalidatePoolError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.stores.sqlalchemy_errors import READ_ONLY, code_of
from asgi_tiktok.stores.sqlalchemy_options import EngineSettings, read_options

PING_TIMEOUT = 1  # seconds
POOL_TIMEOUT = 3  # seconds to wait for a free connection
RECYCLE = 30 * 60  # seconds
FIX = (
    "Write postgresql+asyncpg://user@host/database, mysql+asyncmy://user@host/database or "
    "sqlite+aiosqlite:///file, or pass an AsyncEngine."
)
PACKAGES = {
    "asyncpg": "'asgi-tiktok[sqlalchemy]'",
    "psycopg": "'psycopg[binary]'",
    "asyncmy": "asyncmy",
    "aiomysql": "aiomysql",
    "aiosqlite": "aiosqlite",
}
OURS = "asgi_tiktok"  # marks the connections of the store in an engine that the app has created


def engine_settings(url: object) -> EngineSettings:
    """Return the settings in the URL. Raises ConfigurationError if it names no async driver, or cannot work."""
    # The URL may hold a password, so neither the error nor its context may repeat the URL.
    with suppress(ArgumentError, ValueError):
        url = make_url(url) if isinstance(url, str) else url
    if not isinstance(url, URL):
        raise ConfigurationError("The store's database is neither a URL nor an AsyncEngine.", hint=FIX)
    if "+" not in url.drivername:
        raise ConfigurationError(f"{url.drivername}:// does not name an async driver.", hint=FIX)
    if url.get_backend_name() == "sqlite" and url.database and not url.database.startswith((":memory:", "file:")):
        # The process may change its working directory.
        url = url.set(database=str(Path(url.database).absolute()))
    with suppress(ImportError):
        return read_options(url)
    raise missing_driver(url)


def new_engine(settings: EngineSettings, *, autocommit: bool) -> AsyncEngine:
    """Return an engine with the store's settings. Raises ConfigurationError if the driver is not installed."""
    url = settings.url
    # At DEBUG, SQLAlchemy would log the rows that it reads.
    engine_logger = logging.getLogger("sqlalchemy.engine.Engine.asgi_tiktok")
    engine_logger.setLevel(max(engine_logger.getEffectiveLevel(), logging.INFO))
    try:
        engine = create_async_engine(
            url,
            connect_args={**settings.connect_args, **statement_arguments(url.get_driver_name(), autocommit)},
            hide_parameters=True,
            logging_name="asgi_tiktok",
            max_overflow=0,
            pool_recycle=RECYCLE,
            pool_size=settings.pool_size,
            pool_timeout=POOL_TIMEOUT,
            **({"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True} if autocommit else {}),
            **({"pool_reset_on_return": None} if autocommit else {}),
        )
    except ImportError:
        failure = missing_driver(url)
    except (SQLAlchemyError, TypeError, ValueError):
        failure = ConfigurationError(
            f"SQLAlchemy cannot create an async engine for this {url.drivername}:// URL.", hint=FIX
        )
    else:
        keep_pool_healthy(engine)
        return engine
    # Raised here, so that SQLAlchemy's error, which may repeat the URL, is not its context.
    raise failure


def statement_arguments(driver: str, autocommit: bool) -> dict[str, Any]:
    """Return how the driver names and keeps prepared statements.

    Behind a pooler, the statements of other clients may be on the same connection. With random names, none of them
    can be mistaken for ours. In a transaction, which the pooler keeps on one connection, a statement needs no name.
    """
    if driver == "psycopg":
        return {"prepare_threshold": None}  # psycopg's names are the same in all clients
    if driver != "asyncpg":
        return {}
    if autocommit:
        return {"prepared_statement_name_func": lambda: f"__asgi_tiktok_{uuid.uuid4().hex}__"}
    no_cache = {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    return {**no_cache, "prepared_statement_name_func": lambda: ""}


def missing_driver(url: URL) -> ConfigurationError:
    package = PACKAGES.get(url.get_driver_name())
    return ConfigurationError(
        f"The driver of {url.drivername}:// is not installed.", hint=f"Run: pip install {package}" if package else FIX
    )


def keep_pool_healthy(engine: AsyncEngine) -> None:
    """Check each connection before it is used again, and close connections without waiting for the server.

    SQLAlchemy's own check has no time limit, and a NAT that has forgotten a connection drops its packets silently.
    """
    dialect = engine.dialect

    def check(connection: Any, record: ConnectionPoolEntry, proxy: PoolProxiedConnection) -> None:
        if "used" not in record.info:
            record.info["used"] = True  # it has just been opened
            return

        async def answer(driver_connection: object) -> None:
            async with asyncio.timeout(PING_TIMEOUT):
                await greenlet_spawn(dialect.do_ping, connection)

        try:
            connection.run_async(answer)
        except Exception:
            # All connections of the pool are replaced, because the others have probably failed too.
            raise InvalidatePoolError from None

    def close(connection: Any, record: ConnectionPoolEntry) -> None:
        if dialect.driver == "asyncpg":
            # asyncpg would wait for the server's reply, without a limit.
            connection.driver_connection.terminate()

    event.listen(engine.sync_engine, "checkout", check)
    event.listen(engine.sync_engine, "close", close)


def mark_as_ours(engine: AsyncEngine, **options: Any) -> AsyncEngine:
    """Return the engine with these options. Only connections with the option OURS call `drop_read_only_pool`."""
    if not event.contains(engine.sync_engine, "handle_error", drop_read_only_pool):
        event.listen(engine.sync_engine, "handle_error", drop_read_only_pool)
    return engine.execution_options(**options, **{OURS: True})


def drop_read_only_pool(context: ExceptionContext) -> None:
    """Replace all connections after a server has refused a write, because the primary is now another server."""
    ours = context.connection is not None and OURS in context.connection.get_execution_options()
    if ours and context.sqlalchemy_exception is not None and code_of(context.sqlalchemy_exception) in READ_ONLY:
        context.is_disconnect = True
