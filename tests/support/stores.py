"""The `store` fixture for every engine, and a Redis Cluster for it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from asgi_tiktok import MemoryStore, SQLiteStore, Store
from tests.support.databases import database_store
from tests.support.redis_servers import Server, cluster_store, own_cluster, redis_store

DATABASES = ("postgresql", "mariadb", "aiosqlite")


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with own_cluster(tmp_path_factory.mktemp("cluster")) as server:
        yield server


@pytest.fixture(params=["memory", "sqlite", "redis", "redis-cluster", *DATABASES])
async def each_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each engine in turn, empty."""
    opened = open_elsewhere(request, tmp_path)
    if opened is not None:
        async with opened as server:
            yield server
        return
    store: Store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "store.sqlite3")
    yield store
    await store.aclose()


def open_elsewhere(request: pytest.FixtureRequest, folder: Path) -> AbstractAsyncContextManager[Store] | None:
    """A store on a server, or None for one that needs no server."""
    if request.param == "redis":
        return redis_store()
    if request.param == "redis-cluster":
        return cluster_store(request.getfixturevalue("redis_cluster"))
    return database_store(request.param, folder) if request.param in DATABASES else None
