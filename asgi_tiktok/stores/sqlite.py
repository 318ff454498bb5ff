"""One SQLite file: many workers on one machine, and it survives restarts."""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from asgi_tiktok.errors import StoreError

T = TypeVar("T")

BUSY_TIMEOUT = 2  # seconds
PURGE_INTERVAL = 60  # seconds
PURGE_BATCH = 200  # rows
SCHEMA = """
CREATE TABLE IF NOT EXISTS tiktok_records (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    ends_at REAL NOT NULL,
    owner TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tiktok_records_owner ON tiktok_records (owner) WHERE owner IS NOT NULL;
CREATE INDEX IF NOT EXISTS tiktok_records_ends_at ON tiktok_records (ends_at);
"""
UPSERT = "INSERT OR REPLACE INTO tiktok_records (key, value, ends_at, owner) VALUES (?, ?, ?, ?)"


class SQLiteStore:
    """Keeps records in the file at `path`, readable by its owner alone; a folder that is missing is made.

    The file is opened on first use, once per process, and never by the event loop's own thread. Expired
    rows are purged in small batches behind a write.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.lock = threading.Lock()
        self.connection: sqlite3.Connection | None = None
        self.pid = 0
        self.purged_at = 0.0

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self.path)!r})"

    async def get(self, key: str) -> bytes | None:
        def read(db: sqlite3.Connection) -> bytes | None:
            query = "SELECT value FROM tiktok_records WHERE key = ? AND ends_at > ?"
            row = db.execute(query, (key, time.time())).fetchone()
            return None if row is None else bytes(row[0])

        return await self.run(read)

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        def write(db: sqlite3.Connection) -> None:
            db.execute(UPSERT, (key, value, time.time() + ttl, owner))

        await self.run(self.writing(write))

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        def write(db: sqlite3.Connection) -> bool:
            now = time.time()
            query = "SELECT 1 FROM tiktok_records WHERE key = ? AND ends_at > ?"
            if db.execute(query, (key, now)).fetchone() is not None:
                return False
            db.execute(UPSERT, (key, value, now + ttl, owner))
            return True

        return await self.run(self.writing(write))

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        def write(db: sqlite3.Connection) -> bool:
            now = time.time()
            update = (
                "UPDATE tiktok_records SET value = ?, ends_at = ?, owner = ? "
                "WHERE key = ? AND value = ? AND ends_at > ?"
            )
            return db.execute(update, (new, now + ttl, owner, key, old, now)).rowcount == 1

        return await self.run(self.writing(write))

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        def write(db: sqlite3.Connection) -> bool:
            now = time.time()
            query = "DELETE FROM tiktok_records WHERE key = ? AND (? IS NULL OR value = ?) AND ends_at > ?"
            return db.execute(query, (key, value, value, now)).rowcount == 1

        return await self.run(self.writing(write))

    async def delete_owned(self, owner: str) -> int:
        def write(db: sqlite3.Connection) -> int:
            query = "DELETE FROM tiktok_records WHERE owner = ? AND ends_at > ?"
            return db.execute(query, (owner, time.time())).rowcount

        return await self.run(self.writing(write))

    async def aclose(self) -> None:
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Close the file, from any thread."""
        with self.lock:
            if self.connection is not None and self.pid == os.getpid():
                self.connection.close()
            self.connection = None

    async def run(self, step: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.to_thread(self.run_in_thread, step)

    def run_in_thread(self, step: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self.lock:
                return step(self.connect())
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self.path}: {error}", hint=hint_for(error)) from error

    def writing(self, step: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
        def transaction(db: sqlite3.Connection) -> T:
            db.execute("BEGIN IMMEDIATE")
            try:
                result = step(db)
                self.purge(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            return result

        return transaction

    def purge(self, db: sqlite3.Connection) -> None:
        now = time.time()
        if 0 <= now - self.purged_at < PURGE_INTERVAL:
            return
        self.purged_at = now
        expired = "SELECT key FROM tiktok_records WHERE ends_at <= ? LIMIT ?"
        # The expired rows are named by a query of ours, so that one purge has a bounded cost.
        db.execute(f"DELETE FROM tiktok_records WHERE key IN ({expired})", (now, PURGE_BATCH))  # noqa: S608

    def connect(self) -> sqlite3.Connection:
        # A connection must not be carried into a forked process (SQLite: How To Corrupt, §2.6).
        if self.connection is None or self.pid != os.getpid():
            self.connection, self.pid = self.open_file(), os.getpid()
        return self.connection

    def open_file(self) -> sqlite3.Connection:
        prepare_folder(self.path.parent)
        # Made by us beforehand, because SQLite would make it readable by everybody.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.executescript(SCHEMA)
        except sqlite3.Error:
            db.close()
            raise
        return db


def prepare_folder(folder: Path) -> None:
    if folder.exists():
        return
    folder.mkdir(mode=0o700, parents=True)
    (folder / ".gitignore").write_text("*\n")


def hint_for(error: Exception) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return "Another process holds the file; a store for many processes is Redis or PostgreSQL."
    if "full" in text:
        return "The disk is full: make room."
    if "malformed" in text or "not a database" in text:
        return "The file is damaged: stop the app, move the file away and keep it, and start again."
    return "The app's user must be able to write to this file and to its folder."
