"""Open the store that a URL names."""

from typing import cast
from urllib.parse import unquote, urlsplit

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.stores.memory import MemoryStore
from asgi_tiktok.stores.protocol import Store
from asgi_tiktok.stores.sqlite import SQLiteStore

DEFAULT_URL = "sqlite:///.asgi-tiktok/store.sqlite3"
FIX = (
    "Set one of these: sqlite:///relative/path.sqlite3 or sqlite:////absolute/path.sqlite3 (one machine), "
    "redis://host:port/0, rediss://, valkey:// or postgresql+asyncpg://user@host/database (many machines), "
    "memory:// (tests), or a store object."
)


def open_store(url: str) -> Store:
    """Return the store at the URL. It connects on first use. Raises ConfigurationError with a list of URLs."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigurationError("store is not a URL.", hint=FIX) from None
    if ":memory:" in url:
        raise ConfigurationError(
            "store names SQLite's :memory:, whose records are lost with the connection.", hint="Write memory://."
        )
    if url == "memory://":
        return MemoryStore()
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1 and not parts.query:
        return SQLiteStore(unquote(parts.path[1:]))
    try:
        # Imported only if they are used, because they need an extra.
        if parts.scheme in ("redis", "rediss", "valkey", "valkeys"):
            from asgi_tiktok.stores.redis import RedisStore

            return RedisStore(url)
        if parts.scheme.startswith(("redis", "valkey", "sentinel")):
            raise ConfigurationError(
                f"No store has URLs that begin with {parts.scheme}:.",
                hint="For Sentinel and Cluster, pass RedisStore(client) with a client from redis.asyncio.",
            )
        if "+" in parts.scheme or parts.scheme in ("postgresql", "postgres", "mysql", "mariadb"):
            from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore

            return SQLAlchemyStore(url)
    except ConfigurationError as error:
        raise ConfigurationError(f"store cannot be used. {error.description}", hint=error.hint) from None
    # The URL may hold a password, so the message repeats only its scheme.
    scheme = f"begins with {parts.scheme}:" if parts.scheme else "has no scheme"
    raise ConfigurationError(f"store names an unknown kind of store: the URL {scheme}.", hint=FIX)


def check_store(store: object) -> Store:
    """Return the object if it has the methods of a store. Otherwise raise ConfigurationError."""
    methods = [name for name in vars(Store) if not name.startswith("_")]
    if not all(callable(getattr(store, name, None)) for name in methods):
        raise ConfigurationError(f"store must be a URL or a store object, not {type(store).__name__}.", hint=FIX)
    return cast(Store, store)
