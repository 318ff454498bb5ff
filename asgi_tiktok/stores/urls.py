"""Stores by URL."""

from typing import cast
from urllib.parse import unquote, urlsplit

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.stores.memory import MemoryStore
from asgi_tiktok.stores.protocol import Store
from asgi_tiktok.stores.sqlite import SQLiteStore

DEFAULT_URL = "sqlite:///.asgi-tiktok/store.sqlite3"
FIX = (
    "These work: sqlite:///relative/path.sqlite3 and sqlite:////absolute/path.sqlite3 for one machine; "
    "redis://host:port/0 (or rediss://, valkey://) and postgresql+asyncpg://user@host/database for many; "
    "memory:// for tests; or pass a store object."
)


def open_store(url: str) -> Store:
    """The store that the URL names. Nothing is opened yet. Raises ConfigurationError with the list."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigurationError("store is not a URL.", hint=FIX) from None
    if ":memory:" in url:
        raise ConfigurationError(
            "store names SQLite's :memory:, which ends with its connection.", hint="Write memory://."
        )
    if url == "memory://":
        return MemoryStore()
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1 and not parts.query:
        return SQLiteStore(unquote(parts.path[1:]))
    if parts.scheme in ("redis", "rediss", "valkey", "valkeys"):
        # Not imported for everybody: the redis package is an extra.
        from asgi_tiktok.stores.redis import RedisStore

        return RedisStore(url)
    if "+" in parts.scheme or parts.scheme in ("postgresql", "postgres", "mysql", "mariadb"):
        return open_database(url)
    # The URL itself may hold a password, so only its scheme is named.
    scheme = f"begins with {parts.scheme}:" if parts.scheme else "has no scheme"
    raise ConfigurationError(f"store names an unknown kind of store: the URL {scheme}.", hint=FIX)


def open_database(url: str) -> Store:
    try:
        from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore
    except ImportError:
        raise ConfigurationError(
            "store names a database, which needs SQLAlchemy.", hint="Run: pip install 'asgi-tiktok[sqlalchemy]'"
        ) from None
    return SQLAlchemyStore(url)


def check_store(store: object) -> Store:
    """The object, if it has the methods of a store. Raises ConfigurationError with the list of URLs."""
    methods = [name for name in vars(Store) if not name.startswith("_")]
    if not all(callable(getattr(store, name, None)) for name in methods):
        raise ConfigurationError(f"store is a {type(store).__name__}, which is not a store.", hint=FIX)
    return cast(Store, store)
