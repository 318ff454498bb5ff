"""Write many records fast: in bulk if the engine can do that, otherwise through the store."""

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from asgi_tiktok.stores import Store
from benchmarks.people import SignedIn
from benchmarks.postgresql import connected

BATCH = 5000  # records
MAX_CONCURRENT = 40  # writes through a store
TABLE = "tiktok_records"
COLUMNS = ("key", "value", "ends_at", "owner")


async def fill(url: str, store: Store, records: Iterable[SignedIn]) -> None:
    """Write the records exactly as the store itself writes them."""
    await store.get("any")  # creates the table
    for batch in batches(records):
        if url.startswith("sqlite:"):
            insert_sqlite(url, batch)
        elif url.startswith("postgresql"):
            await copy_postgresql(url, batch)
        else:
            await write(store, batch)
    if url.startswith("postgresql"):
        await vacuum_postgresql(url)


def insert_sqlite(url: str, batch: Sequence[SignedIn]) -> None:
    db = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        # Only for this connection: a larger cache, and no wait for the disk.
        db.execute("PRAGMA cache_size = -500000")
        db.execute("PRAGMA synchronous = OFF")
        rows = [(r.key, r.value, time.time() + r.ttl, r.owner) for r in batch]
        with db:
            db.executemany(f"INSERT INTO {TABLE} (key, value, ends_at, owner) VALUES (?, ?, ?, ?)", rows)  # noqa: S608
    finally:
        db.close()


async def copy_postgresql(url: str, batch: Sequence[SignedIn]) -> None:
    rows = [(r.key, r.value, int((time.time() + r.ttl) * 1000), r.owner) for r in batch]
    async with connected(url) as connection:
        await connection.copy_records_to_table(TABLE, records=rows, columns=COLUMNS)


async def vacuum_postgresql(url: str) -> None:
    """Do now what autovacuum would do a minute later."""
    async with connected(url) as connection:
        await connection.execute(f"VACUUM ANALYZE {TABLE}")


async def write(store: Store, batch: Sequence[SignedIn]) -> None:
    waiting = iter(batch)

    async def take() -> None:
        for record in waiting:
            await store.set(record.key, record.value, ttl=record.ttl, owner=record.owner)

    await asyncio.gather(*(take() for _ in range(MAX_CONCURRENT)))


def batches(records: Iterable[SignedIn]) -> Iterator[list[SignedIn]]:
    rest = iter(records)
    while batch := list(islice(rest, BATCH)):
        yield batch
