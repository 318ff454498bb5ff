"""One SQLite file: many workers on one machine, and it survives restarts."""

import logging
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from asgi_tiktok.errors import StoreError
from asgi_tiktok.stores import sqlite_thread as lane
from asgi_tiktok.stores.sqlite_thread import Lane, NotNow, Step, T

logger = logging.getLogger("asgi_tiktok")

PURGE_INTERVAL = 60  # seconds
BATCH = 200  # rows
SCHEMA = """
CREATE TABLE IF NOT EXISTS tiktok_records (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    ends_at REAL NOT NULL,
    owner TEXT
);
CREATE INDEX IF NOT EXISTS tiktok_records_owner ON tiktok_records (owner, ends_at, key) WHERE owner IS NOT NULL;
CREATE INDEX IF NOT EXISTS tiktok_records_ends_at ON tiktok_records (ends_at);
"""
UPSERT = "INSERT OR REPLACE INTO tiktok_records (key, value, ends_at, owner) VALUES (?, ?, ?, ?)"


class SQLiteStore:
    """Keeps records in the file at `path`, readable by its owner alone; a folder that is missing is made.

    The file is opened on first use. Reading and writing have a thread each, so that a read never waits for
    a write. Expired rows are purged in small batches behind a write, and nobody waits for it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.reads = Lane(self.path, self.open_to_read)
        self.writes = Lane(self.path, partial(self.open_file, timeout=lane.BUSY_TIMEOUT))
        self.purged_at = 0.0

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self.path)!r})"

    async def get(self, key: str) -> bytes | None:
        def read(db: sqlite3.Connection) -> bytes | None:
            query = "SELECT value FROM tiktok_records WHERE key = ? AND ends_at > ?"
            row = db.execute(query, (key, time.time())).fetchone()
            return None if row is None else bytes(row[0])

        try:
            # One row of a file that is open takes less time than telling a thread about it.
            return self.reads.glance(read)
        except NotNow:
            return await self.reads.run(read)

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        def write(db: sqlite3.Connection) -> None:
            db.execute(UPSERT, (key, value, time.time() + ttl, owner))

        await self.write(write)

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        def write(db: sqlite3.Connection) -> bool:
            now = time.time()
            query = "SELECT 1 FROM tiktok_records WHERE key = ? AND ends_at > ?"
            if db.execute(query, (key, now)).fetchone() is not None:
                return False
            db.execute(UPSERT, (key, value, now + ttl, owner))
            return True

        return await self.write(write)

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        def write(db: sqlite3.Connection) -> bool:
            now = time.time()
            update = (
                "UPDATE tiktok_records SET value = ?, ends_at = ?, owner = ? "
                "WHERE key = ? AND value = ? AND ends_at > ?"
            )
            return db.execute(update, (new, now + ttl, owner, key, old, now)).rowcount == 1

        return await self.write(write)

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        def write(db: sqlite3.Connection) -> bool:
            query = "DELETE FROM tiktok_records WHERE key = ? AND (? IS NULL OR value = ?) AND ends_at > ?"
            return db.execute(query, (key, value, value, time.time())).rowcount == 1

        return await self.write(write)

    async def owned(self, owner: str) -> AsyncIterator[str]:
        after = (time.time(), "")
        while batch := await self.reads.run(lambda db, after=after: read_owned(db, owner, after)):  # type: ignore[misc]
            for _, key in batch:
                yield key
            after = batch[-1]

    async def delete_owned(self, owner: str) -> int:
        def write(db: sqlite3.Connection) -> int:
            query = "DELETE FROM tiktok_records WHERE owner = ? AND ends_at > ?"
            return db.execute(query, (owner, time.time())).rowcount

        return await self.write(write)

    async def aclose(self) -> None:
        await self.writes.aclose()
        await self.reads.aclose()

    def check(self) -> None:
        """Raise StoreError if the file cannot be used; for setting up, not for an event loop."""
        self.writes.take(lambda db: None, time.monotonic())
        self.close()

    def close(self) -> None:
        """Close the file, from any thread but an event loop's."""
        self.writes.close()
        self.reads.close()

    async def write(self, step: Step[T]) -> T:
        result = await self.writes.run(lambda db: in_transaction(db, step))
        if not 0 <= time.time() - self.purged_at < PURGE_INTERVAL:
            self.purged_at = time.time()
            self.writes.run_later(self.purge, not_purged)
        return result

    def purge(self, db: sqlite3.Connection) -> None:
        """Forget some of what has ended, and the rest behind the steps that came meanwhile."""
        if in_transaction(db, delete_expired) == BATCH:
            self.writes.run_later(self.purge, not_purged)

    def open_to_read(self) -> sqlite3.Connection:
        """A connection for reading, also where nothing can be written: a file system gone read-only, say."""
        # Without a timeout, for SQLite would wait for a lock in the event loop; a lane waits in its thread.
        writable = os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)
        if writable or not self.path.exists():
            return self.open_file(timeout=0)
        try:
            return self.open_read_only("mode=ro")
        except sqlite3.OperationalError:
            # Without a log beside it the file holds everything, but only this makes SQLite believe it.
            return self.open_read_only("mode=ro&immutable=1")

    def open_read_only(self, options: str) -> sqlite3.Connection:
        address = f"{self.path.absolute().as_uri()}?{options}"
        db = sqlite3.connect(address, timeout=0, uri=True, isolation_level=None, check_same_thread=False)
        try:
            db.execute("SELECT 1 FROM tiktok_records LIMIT 1")
        except sqlite3.Error:
            db.close()
            raise
        return db

    def open_file(self, *, timeout: float) -> sqlite3.Connection:
        prepare_folder(self.path.parent)
        if not self.path.exists():
            # Made by us beforehand, because SQLite would make it readable by everybody.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(self.path, timeout=timeout, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.executescript(SCHEMA)
        except sqlite3.Error:
            db.close()
            raise
        return db


def in_transaction(db: sqlite3.Connection, step: Step[T]) -> T:
    db.execute("BEGIN IMMEDIATE")
    try:
        result = step(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return result


def delete_expired(db: sqlite3.Connection) -> int:
    expired = "SELECT key FROM tiktok_records WHERE ends_at <= ? LIMIT ?"
    # The expired rows are named by a query of ours, so that one purge has a bounded cost.
    delete = f"DELETE FROM tiktok_records WHERE key IN ({expired})"  # noqa: S608
    return db.execute(delete, (time.time(), BATCH)).rowcount


def not_purged(error: StoreError) -> None:
    logger.warning("expired records could not be purged: %s", error)


def read_owned(db: sqlite3.Connection, owner: str, after: tuple[float, str]) -> list[tuple[float, str]]:
    query = (
        "SELECT ends_at, key FROM tiktok_records WHERE owner = ? AND (ends_at, key) > (?, ?) "
        "ORDER BY ends_at, key LIMIT ?"
    )
    return [(float(row[0]), str(row[1])) for row in db.execute(query, (owner, *after, BATCH))]


def prepare_folder(folder: Path) -> None:
    if folder.exists():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
