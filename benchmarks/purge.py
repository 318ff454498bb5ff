"""A million expired records on SQLite: the size of the log and the longest login while two processes run."""

import asyncio
import sqlite3
import tempfile
import time
from argparse import ArgumentParser
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from asgi_tiktok import StoreError, TikTok
from benchmarks.filling import insert_sqlite
from benchmarks.people import SignedIn, new_user, people
from benchmarks.settings import Settings
from benchmarks.table import print_table

PROCESSES = 2
LOGIN_INTERVAL = 0.05  # seconds between two logins of a process
BATCH = 5000  # records
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Logins:
    """What one process measured."""

    count: int
    failed: int
    longest: float


def fill(settings: Settings, count: int) -> None:
    """Write sessions that have expired."""
    tiktok = settings.new_tiktok()
    asyncio.run(create_table(tiktok))
    (person,) = people(tiktok, 1)
    for first in range(0, count, BATCH):
        numbers = range(first, min(first + BATCH, count))
        expired = [SignedIn(f"session:{n:064x}", person.value, -60, f"user:{n:032x}", "", "") for n in numbers]
        insert_sqlite(settings.store, expired)


async def create_table(tiktok: TikTok) -> None:
    await tiktok._store.get("any")
    await tiktok.aclose()


def sign_in(settings: Settings) -> Logins:
    """Sign users in, one after another, until all expired records are deleted."""
    return asyncio.run(sign_in_until_purged(settings))


async def sign_in_until_purged(settings: Settings) -> Logins:
    tiktok = settings.new_tiktok()
    count, failed, longest = 0, 0, 0.0
    while count % 20 or expired_records(settings):
        began = time.monotonic()
        try:
            await tiktok._sessions.create(new_user(), ("user.info.basic",), {})
        except StoreError:
            failed += 1
        longest = max(longest, time.monotonic() - began)
        count += 1
        await asyncio.sleep(LOGIN_INTERVAL)
    await tiktok.aclose()
    return Logins(count, failed, longest)


def expired_records(settings: Settings) -> bool:
    with closing(sqlite3.connect(settings.store.removeprefix("sqlite:///"), timeout=10)) as db:
        query = "SELECT 1 FROM tiktok_records WHERE ends_at <= ? LIMIT 1"
        return db.execute(query, (time.time(),)).fetchone() is not None


def purge(count: int) -> tuple[int, float, float, list[Logins]]:
    """Return the size of the database and the largest size of its log in bytes, the seconds, and the logins."""
    with tempfile.TemporaryDirectory(prefix="asgi-tiktok-") as folder:
        file = Path(folder) / "store.sqlite3"
        settings = Settings(f"sqlite:///{file}")
        fill(settings, count)
        size, largest, began = file.stat().st_size, 0, time.monotonic()
        log = file.with_name(f"{file.name}-wal")
        with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as processes:
            running = [processes.submit(sign_in, settings) for _ in range(PROCESSES)]
            while not all(future.done() for future in running):
                largest = max(largest, log.stat().st_size if log.exists() else 0)
                time.sleep(0.02)
            return size, largest, time.monotonic() - began, [future.result() for future in running]


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000, help="number of expired records")
    options = parser.parse_args()
    size, log, seconds, logins = purge(options.count)
    longest = max(each.longest for each in logins)
    count, failed = sum(each.count for each in logins), sum(each.failed for each in logins)
    headers = [
        "expired records",
        "database (MB)",
        "largest log (MB)",
        "seconds",
        "logins",
        "failed",
        "longest login (s)",
    ]
    print_table(headers, [[options.count, size / MEGABYTE, log / MEGABYTE, seconds, count, failed, longest]])
