"""Reads of PostgreSQL that do not go through SQLAlchemy."""

import asyncio
import gc
import os
import time
import warnings
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event, text

from asgi_tiktok import StoreError
from asgi_tiktok.stores import postgresql_reader, sqlalchemy_engine
from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore
from tests.support.databases import database_url, open_database_store, open_engine
from tests.support.relay import Fault, relaying
from tests.support.waiting import TIMEOUT

pytestmark = pytest.mark.anyio

READERS = "SELECT pid FROM pg_stat_activity WHERE application_name = :name AND query LIKE 'SELECT%value%'"
ALL = "SELECT pid FROM pg_stat_activity WHERE application_name = :name"


@pytest.fixture
async def store(tmp_path: Path, patient_stores: None) -> AsyncIterator[SQLAlchemyStore]:
    """A store with a record, whose connections have the name of its table, and which has opened all its readers."""
    async with open_database_store("postgresql", tmp_path) as created:
        name = str(created.table.name)
        url = database_url("postgresql", tmp_path).update_query_dict({"application_name": name})
        store = SQLAlchemyStore(url, table=name)
        await store.set("k", b"1", ttl=600)
        await open_readers(store)
        yield store
        await store.aclose()


async def open_readers(store: SQLAlchemyStore) -> None:
    """Read until all reads go through the connections of the reader."""
    async with asyncio.timeout(TIMEOUT):
        while len(await rows(store, READERS)) < postgresql_reader.CONNECTIONS or not await reads_without_engine(
            store
        ):
            await asyncio.gather(*(store.get("k") for _ in range(4)))
            await asyncio.sleep(0.01)


async def write_with_all_connections(store: SQLAlchemyStore) -> None:
    await asyncio.gather(*(store.set(f"k{number}", b"2", ttl=600) for number in range(50)))


async def reads_without_engine(store: SQLAlchemyStore) -> bool:
    ran = 0

    def count(*_: object) -> None:
        nonlocal ran
        ran += 1

    engine = store._database.loop_state().engine.sync_engine
    event.listen(engine, "checkout", count)
    assert await asyncio.gather(*(store.get("k") for _ in range(50))) == [b"1"] * 50
    event.remove(engine, "checkout", count)
    return ran == 0


async def rows(store: SQLAlchemyStore, query: str, **parameters: object) -> set[int]:
    async with open_engine(store._database.settings.url) as engine, engine.connect() as connection:
        return set((await connection.execute(text(query), {"name": store.table.name, **parameters})).scalars())


async def test_a_worker_reads_through_two_connections_besides_its_pool(store: SQLAlchemyStore) -> None:
    assert await reads_without_engine(store)

    await write_with_all_connections(store)
    assert len(await rows(store, ALL)) == 5 + 2


async def test_a_missing_record_and_an_ended_one_are_not_found(store: SQLAlchemyStore) -> None:
    assert await store.get("missing") is None
    await store.set("k", b"2", ttl=1)
    await asyncio.sleep(1.1)

    assert await store.get("k") is None


async def test_reads_continue_after_the_table_was_dropped(store: SQLAlchemyStore) -> None:
    async with open_engine(store._database.settings.url) as engine, engine.begin() as connection:
        await connection.execute(text(f"DROP TABLE {store.table.name}"))
    assert await store.get("k") is None
    await store.set("k", b"1", ttl=600)

    assert await store.get("k") == b"1"


async def test_reads_continue_after_their_connections_were_closed(store: SQLAlchemyStore) -> None:
    await rows(store, READERS.replace("SELECT pid", "SELECT pg_terminate_backend(pid)"))
    assert await asyncio.gather(*(store.get("k") for _ in range(50))) == [b"1"] * 50

    await open_readers(store)


async def test_reads_leave_the_server_that_has_refused_a_write(store: SQLAlchemyStore) -> None:
    """It may be an old primary, which answers with old records."""
    await write_with_all_connections(store)
    readers = await rows(store, READERS)
    old = await rows(store, ALL)
    table = store.table.name
    refuse = f"""
        CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF pg_backend_pid() IN ({", ".join(map(str, old))}) THEN
        RAISE EXCEPTION 'read-only' USING ERRCODE = '25006'; END IF; RETURN NEW; END $$"""
    async with open_engine(store._database.settings.url) as engine, engine.begin() as connection:
        await connection.exec_driver_sql(refuse)
        await connection.exec_driver_sql(
            f"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_refuse()"
        )
    await store.set("new", b"2", ttl=600)
    async with asyncio.timeout(TIMEOUT):
        while await rows(store, ALL) & readers:
            await asyncio.sleep(0.02)

    assert await store.get("new") == b"2"
    async with open_engine(store._database.settings.url) as engine, engine.begin() as connection:
        await connection.exec_driver_sql(f"DROP FUNCTION {table}_refuse CASCADE")


async def test_a_silent_server_delays_reads_once(
    store: SQLAlchemyStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgresql_reader, "READ_TIMEOUT", 0.3)
    monkeypatch.setattr(sqlalchemy_engine, "PING_TIMEOUT", 0.3)
    url = store._database.settings.url
    async with relaying(url.port or 5432) as relay:
        name = store.table.name
        behind = SQLAlchemyStore(f"postgresql+asyncpg://postgres@127.0.0.1:{relay.port}/{url.database}", table=name)
        async with asyncio.timeout(TIMEOUT):
            while not await reads_without_engine(behind):
                await asyncio.sleep(0.01)
        relay.forget()
        started = time.monotonic()
        assert await asyncio.gather(*(behind.get("k") for _ in range(20))) == [b"1"] * 20
        assert time.monotonic() - started < 2

        await behind.aclose()


@pytest.mark.parametrize("times", [1, 2])
async def test_a_connection_whose_opening_is_cancelled_does_not_stay_open(store: SQLAlchemyStore, times: int) -> None:
    url, name = store._database.settings.url, f"{store.table.name}_opening"
    async with relaying(url.port or 5432) as relay:
        relay.break_down(Fault(delay=0.05))
        far = url.set(host="127.0.0.1", port=relay.port).update_query_dict({"application_name": name})
        address = SQLAlchemyStore(far)._database.address
        assert address is not None
        opening = asyncio.create_task(address.connect())
        for _ in range(times):
            await asyncio.sleep(0.02)
            opening.cancel()
        await asyncio.wait({opening})
        await asyncio.sleep(1)

        assert opening.cancelled()
        async with open_engine(url) as engine, engine.connect() as connection:
            assert (await connection.execute(text(ALL), {"name": name})).all() == []


async def test_a_read_that_meets_the_end_of_the_store_fails_and_opens_nothing(store: SQLAlchemyStore) -> None:
    reads = [asyncio.create_task(store.get("k")) for _ in range(20)]
    await asyncio.sleep(0)
    await store.aclose()
    results = await asyncio.gather(*reads, return_exceptions=True)

    assert all(result == b"1" or isinstance(result, StoreError) for result in results)
    assert store._database.states == {}
    async with asyncio.timeout(TIMEOUT):
        while await rows(store, ALL):
            await asyncio.sleep(0.02)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
async def test_a_forked_process_does_not_end_its_parents_connections(store: SQLAlchemyStore) -> None:
    before = await rows(store, ALL)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = asyncio.run(read_and_collect(store))
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)

    assert status == 0
    assert await reads_without_engine(store)
    assert await rows(store, ALL) == before


async def read_and_collect(store: SQLAlchemyStore) -> int:
    """Return 0 if the store works in this process."""
    warnings.simplefilter("default")  # asyncpg warns before it ends a connection that is collected
    value = await store.get("k")
    await store.aclose()
    gc.collect()
    return int(value != b"1")
