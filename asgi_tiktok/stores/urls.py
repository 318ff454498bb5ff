"""Stores by URL."""

from urllib.parse import unquote, urlsplit

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.stores.memory import MemoryStore
from asgi_tiktok.stores.protocol import Store
from asgi_tiktok.stores.sqlite import SQLiteStore

DEFAULT_URL = "sqlite:///.asgi-tiktok/store.sqlite3"
CURE = (
    "These work: sqlite:///relative/path.sqlite3 and sqlite:////absolute/path.sqlite3 for one machine, "
    "memory:// for tests; or pass a store object."
)


def open_store(url: str) -> Store:
    """The store that the URL names. Nothing is opened yet. Raises ConfigurationError with the list."""
    parts = urlsplit(url)
    if url == "memory://":
        return MemoryStore()
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1 and not parts.query:
        return SQLiteStore(unquote(parts.path[1:]))
    # The URL itself may hold a password, so only its scheme is named.
    raise ConfigurationError(f"No store has a URL like {parts.scheme or 'this'}:... {CURE}")
