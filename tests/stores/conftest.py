from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from asgi_tiktok import MemoryStore, SQLiteStore, Store
from tests.stores.databases import database_store

DATABASES = ("postgresql", "mariadb", "aiosqlite")


@pytest.fixture(params=["memory", "sqlite", *DATABASES])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each engine in turn, empty."""
    if request.param in DATABASES:
        async with database_store(request.param, tmp_path) as database:
            yield database
        return
    store: Store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "store.sqlite3")
    yield store
    await store.aclose()
