"""The SQLAlchemy engine that the store creates from a URL."""

import logging
from contextlib import suppress

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from asgi_tiktok.errors import ConfigurationError

CONNECT_TIMEOUT = 2  # seconds
RECYCLE = 30 * 60  # seconds
CONNECT_OPTIONS = {
    "asyncpg": "timeout",
    "psycopg": "connect_timeout",
    "aiomysql": "connect_timeout",
    "asyncmy": "connect_timeout",
    "aiosqlite": "timeout",
}
FIX = (
    "Write postgresql+asyncpg://user@host/database, mysql+asyncmy://user@host/database or "
    "sqlite+aiosqlite:///file, or pass an AsyncEngine."
)


def parse_url(url: object) -> URL:
    """Return the parsed URL. Raises ConfigurationError if it names no async driver."""
    # The URL may hold a password, so neither the error nor its context may repeat the URL.
    with suppress(ArgumentError, ValueError):
        url = make_url(url) if isinstance(url, str) else url
    if not isinstance(url, URL):
        raise ConfigurationError("The store's database is neither a URL nor an AsyncEngine.", hint=FIX)
    if "+" not in url.drivername:
        raise ConfigurationError(f"{url.drivername}:// does not name an async driver.", hint=FIX)
    return url


def new_engine(url: URL) -> AsyncEngine:
    """Return an engine with the store's settings. Raises ConfigurationError if the driver is not installed."""
    option = CONNECT_OPTIONS.get(url.get_driver_name())
    connect_args = {option: CONNECT_TIMEOUT} if option and option not in url.query else {}
    # At DEBUG, SQLAlchemy would log the rows that it reads.
    engine_logger = logging.getLogger("sqlalchemy.engine.Engine.asgi_tiktok")
    engine_logger.setLevel(max(engine_logger.getEffectiveLevel(), logging.INFO))
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
        problem = f"The driver of {url.drivername}:// is not installed."
        fix = "Install it, or run: pip install 'asgi-tiktok[sqlalchemy]', which installs asyncpg for PostgreSQL."
    except (SQLAlchemyError, TypeError, ValueError):
        problem, fix = f"SQLAlchemy cannot create an async engine for this {url.drivername}:// URL.", FIX
    # Raised here, so that SQLAlchemy's error, which may repeat the URL, is not its context.
    raise ConfigurationError(problem, hint=fix)
