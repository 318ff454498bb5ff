"""Stores: the protocol that the rest of the package uses, and one module per engine."""

from asgi_tiktok.stores.memory import MemoryStore
from asgi_tiktok.stores.notices import Channel, Listener, NotifyingStore
from asgi_tiktok.stores.protocol import PeekingStore, Store
from asgi_tiktok.stores.sqlite import SQLiteStore
from asgi_tiktok.stores.urls import DEFAULT_URL, check_store, open_store

__all__ = [
    "DEFAULT_URL",
    "Channel",
    "Listener",
    "MemoryStore",
    "NotifyingStore",
    "PeekingStore",
    "SQLiteStore",
    "Store",
    "check_store",
    "open_store",
]
