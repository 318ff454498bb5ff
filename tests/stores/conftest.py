from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from asgi_tiktok import MemoryStore, SQLiteStore, Store


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each engine in turn, empty."""
    store: Store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "store.sqlite3")
    yield store
    await store.aclose()
