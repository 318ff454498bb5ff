"""The size of a session in each store, and of ten million sessions."""

import asyncio
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from asgi_tiktok import TikTok
from benchmarks.engines import opened
from benchmarks.filling import TABLE, vacuum_postgresql, write
from benchmarks.options import chosen, new_parser
from benchmarks.people import SignedIn, people
from benchmarks.postgresql import connected
from benchmarks.settings import Settings
from benchmarks.table import print_table

MANY = 10_000_000


@dataclass
class Size:
    """Bytes of one session: the sealed record, and everything that the engine stores for it."""

    sessions: int
    record: int
    kept: int
    where: str

    @property
    def of_many(self) -> float:
        """Return the GB of ten million sessions."""
        return self.kept * MANY / 1e9


async def measure(url: str, count: int) -> Size:
    """Write `count` sessions through the store, each of another user, and measure their size in the engine."""
    tiktok = Settings(url).new_tiktok()
    empty = await used(url, tiktok)
    records = list(people(tiktok, count))
    await write(tiktok._store, records)
    await tiktok.aclose()  # the memory of connections must not count
    size = await used(url, tiktok) - empty
    await tiktok.aclose()
    return Size(count, longest(records), size // count, "memory" if url.startswith("redis:") else "disk")


def longest(records: list[SignedIn]) -> int:
    return max(len(record.value) for record in records)


async def used(url: str, tiktok: TikTok) -> int:
    """Return the bytes that the engine uses for our records."""
    await tiktok._store.get("any")  # creates the table
    await tiktok.aclose()
    if url.startswith("redis:"):
        return await used_redis(url)
    if url.startswith("postgresql"):
        return await used_postgresql(url)
    return used_sqlite(url)


def used_sqlite(url: str) -> int:
    path = Path(url.removeprefix("sqlite:///"))
    db = sqlite3.connect(path)
    try:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        db.close()
    return path.stat().st_size


async def used_redis(url: str) -> int:
    """Return the memory that Redis reports, including its own tables of keys and expiry times."""
    from redis.asyncio import Redis

    async with Redis.from_url(url) as redis:
        return int((await redis.info("memory"))["used_memory"])


async def used_postgresql(url: str) -> int:
    await vacuum_postgresql(url)
    async with connected(url) as connection:
        return int(await connection.fetchval("SELECT pg_total_relation_size($1::text::regclass)", TABLE))


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    rows = []
    for store in chosen(options.store):
        with opened(store) as engine:
            size = asyncio.run(measure(engine.url, options.count))
        rows.append([store, *vars(size).values(), size.of_many])
    headers = ["store", "sessions", "sealed record (bytes)", "stored per session (bytes)"]
    headers += ["where", "ten million (GB)"]
    print_table(headers, rows)
