"""The size of a session and of a token in each store, and of ten million."""

import asyncio
import secrets
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from asgi_tiktok import TikTok, Token
from benchmarks.engines import opened
from benchmarks.filling import MAX_CONCURRENT, TABLE, vacuum_postgresql, write
from benchmarks.options import chosen, new_parser
from benchmarks.people import people
from benchmarks.postgresql import connected
from benchmarks.settings import Settings
from benchmarks.table import print_table

MANY = 10_000_000


@dataclass
class Size:
    """Bytes of one record: the record itself, and everything that the engine stores for it."""

    count: int
    record: int
    kept: int
    where: str

    @property
    def of_many(self) -> float:
        """Return the GB of ten million records."""
        return self.kept * MANY / 1e9


async def measure(url: str, count: int, kind: str) -> Size:
    """Write `count` sessions or tokens, each of another user, and measure their size in the engine."""
    tiktok = Settings(url).new_tiktok()
    empty = await used(url, tiktok)
    longest = await KINDS[kind](tiktok, count)
    await tiktok.aclose()  # the memory of connections must not count
    size = await used(url, tiktok) - empty
    await tiktok.aclose()
    return Size(count, longest, size // count, "memory" if url.startswith("redis:") else "disk")


async def write_sessions(tiktok: TikTok, count: int) -> int:
    """Write sessions through the store. Returns the size of the longest record."""
    records = list(people(tiktok, count))
    await write(tiktok._store, records)
    return max(len(record.value) for record in records)


async def write_tokens(tiktok: TikTok, count: int) -> int:
    """Save tokens as a login does. Returns the size of the longest record."""
    records = tiktok._tokens.records
    tokens = [new_token() for _ in range(count)]
    waiting = iter(tokens)

    async def take() -> None:
        for token in waiting:
            await records.save(token)

    await asyncio.gather(*(take() for _ in range(MAX_CONCURRENT)))
    stored = [await records.load(token.open_id) for token in tokens[:100]]
    return max(len(each.record) for each in stored if each is not None)


def new_token() -> Token:
    """Return a token of another user, as long as TikTok's."""
    now = int(time.time())
    return Token(
        open_id=secrets.token_hex(18),
        scopes=("user.info.basic",),
        access_token=f"act.{secrets.token_urlsafe(48)}",
        expires_at=now + 7200,
        refresh_token=f"rft.{secrets.token_urlsafe(48)}",
        refresh_expires_at=now + 15_552_000,
    )


KINDS = {"session": write_sessions, "token": write_tokens}


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
    rows: list[list[object]] = []
    for store in chosen(options.store):
        for kind in KINDS:
            with opened(store) as engine:
                size = asyncio.run(measure(engine.url, options.count, kind))
            rows.append([store, kind, *vars(size).values(), size.of_many])
    headers = ["store", "record", "count", "sealed (bytes)", "stored for each (bytes)", "where", "ten million (GB)"]
    print_table(headers, rows)
