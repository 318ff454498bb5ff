"""What a database's error says to the operator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from asgi_tiktok import StoreError
from asgi_tiktok.stores import sqlalchemy_database, sqlalchemy_engine
from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore
from asgi_tiktok.stores.sqlalchemy_errors import drivers_words
from tests.support.databases import database_url, open_database_store, open_engine

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path, patient_stores: None) -> AsyncIterator[SQLAlchemyStore]:
    async with open_database_store("postgresql", tmp_path) as store:
        assert await store.get("k") is None
        yield store


@pytest.mark.parametrize(
    ("sqlstate", "hint"),
    [
        ("08006", "Check that the database runs"),
        ("53200", "lacks memory"),
        ("53300", "Each worker opens up to 5"),
        ("57014", "raise its time limit"),
        ("57P03", "wait until it has started"),
        ("58030", "disk or operating system"),
        ("XX001", "check the database for damage"),
        ("42501", "Grant the user"),
        ("26000", "add ?pgbouncer=1"),
        ("08P01", "The driver says: words of the server about …"),
        ("0A000", "The driver says: words of the server about …"),
        ("P0001", "The driver says: words of the server about …"),
        ("23514", "None"),
    ],
)
async def test_the_hint_follows_the_class_of_the_error(store: SQLAlchemyStore, sqlstate: str, hint: str) -> None:
    async with open_engine(database_url("postgresql", Path())) as engine, engine.begin() as connection:
        raising = f"RAISE EXCEPTION 'words of the server about ''canary''' USING ERRCODE = '{sqlstate}'"
        function = f"{store.table.name}_fail"
        await connection.exec_driver_sql(
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {raising}; END $$"
        )
        await connection.exec_driver_sql(
            f"CREATE TRIGGER fail BEFORE INSERT ON {store.table.name} FOR EACH ROW EXECUTE FUNCTION {function}()"
        )
    with pytest.raises(StoreError) as caught:
        await store.set("k", b"1", ttl=60)

    assert sqlstate in caught.value.description
    assert hint in str(caught.value.hint)
    assert "canary" not in str(caught.value)
    async with open_engine(database_url("postgresql", Path())) as engine, engine.begin() as connection:
        await connection.execute(text(f"DROP FUNCTION {function} CASCADE"))


async def test_tls_that_the_server_does_not_have_is_reported_in_the_drivers_words(tmp_path: Path) -> None:
    url = database_url("postgresql", tmp_path).update_query_dict({"sslmode": "require"})
    store = SQLAlchemyStore(url.set(password="canary"))
    with pytest.raises(StoreError, match="rejected SSL upgrade") as caught:
        await store.get("k")

    assert "canary" not in str(caught.value)
    await store.aclose()


async def test_all_connections_in_use_is_an_error_of_its_own(
    store: SQLAlchemyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlalchemy_engine, "POOL_TIMEOUT", 0.1)
    url = database_url("postgresql", Path()).update_query_dict({"pool_size": "2"})
    small = SQLAlchemyStore(url, table=store.table.name)
    assert await small.get("k") is None
    async with busy_connections(small, 2) as busy:
        with pytest.raises(StoreError, match=r"All 2 connections .* busy\. \| Raise \?pool_size="):
            await small.get("k")
    await asyncio.gather(*busy)
    await small.aclose()


@asynccontextmanager
async def busy_connections(store: SQLAlchemyStore, number: int) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Keep connections of the store busy until the end of the block."""
    begun, released = asyncio.Semaphore(0), asyncio.Event()

    async def hold(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT 1"))
        begun.release()
        await released.wait()

    busy = [asyncio.create_task(store._database.run(hold)) for _ in range(number)]
    for _ in busy:
        await begun.acquire()
    yield busy
    released.set()
    await asyncio.wait(busy)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Key column 'canary' doesn't exist in table", "Key column … doesn't exist in table"),
        ("can't read \"canary", "can't read …"),
        ("Access denied for user 'canary'@'localhost'", "Access denied for user …@…"),
    ],
)
def test_an_apostrophe_within_a_word_hides_nothing(message: str, words: str) -> None:
    assert drivers_words(OSError(message)) == f"The driver says: {words}"


async def test_an_operation_that_the_shutdown_ends_is_a_store_error(
    store: SQLAlchemyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlalchemy_database, "CLOSE_WAIT", 0.1)
    async with busy_connections(store, 1) as (waiting,):
        await store.aclose()
        with pytest.raises(StoreError, match="closed"):
            await waiting
