"""The fixture `each_store`, which opens an empty store of each engine in turn.

A conftest imports it together with `redis_cluster` and `patient_stores`, which it needs.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from asgi_tiktok import MemoryStore, SQLiteStore, Store
from asgi_tiktok.stores import redis_pool, sqlalchemy_database, sqlite, sqlite_thread
from tests.support.databases import open_database_store
from tests.support.redis_servers import RedisServer, open_cluster_store, open_redis_store, run_cluster
from tests.support.waiting import TIMEOUT

DATABASES = ("postgresql", "mariadb", "aiosqlite")


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis Cluster with one node."""
    with run_cluster(tmp_path_factory.mktemp("cluster")) as server:
        yield server


@pytest.fixture
def patient_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stores wait long for their servers and locks, because the machine may be busy."""
    monkeypatch.setattr(sqlalchemy_database, "DEADLINE", TIMEOUT)
    monkeypatch.setattr(redis_pool, "REPLY_TIMEOUT", TIMEOUT)
    for module in (sqlite, sqlite_thread):
        monkeypatch.setattr(module, "BUSY_TIMEOUT", TIMEOUT)


@pytest.fixture(params=["memory", "sqlite", "redis", "redis-cluster", *DATABASES])
async def each_store(request: pytest.FixtureRequest, tmp_path: Path, patient_stores: None) -> AsyncIterator[Store]:
    """An empty store of each engine in turn."""
    opened = open_server_store(request, tmp_path)
    if opened is not None:
        async with opened as server_store:
            yield server_store
        return
    store: Store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "store.sqlite3")
    yield store
    await store.aclose()


def open_server_store(request: pytest.FixtureRequest, folder: Path) -> AbstractAsyncContextManager[Store] | None:
    """Return a store on a server, or None for an engine that needs no server."""
    if request.param == "redis":
        return open_redis_store()
    if request.param == "redis-cluster":
        return open_cluster_store(request.getfixturevalue("redis_cluster"))
    return open_database_store(request.param, folder) if request.param in DATABASES else None
