"""A store in one SQLite file, for several workers on one machine."""

import asyncio
import logging
import os
import sqlite3
import stat
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from weakref import WeakKeyDictionary

from asgi_tiktok.errors import StoreError
from asgi_tiktok.event_loop import running_loop
from asgi_tiktok.events.event import Event, count_event
from asgi_tiktok.stores.record_format import MARK, NEVER, SECONDS, check_format
from asgi_tiktok.stores.sqlite_purge import purge
from asgi_tiktok.stores.sqlite_thread import (
    BUSY_TIMEOUT,
    Operation,
    Snapshot,
    SQLiteThread,
    WouldBlock,
    in_transaction,
)

__all__ = ["SQLiteStore"]

logger = logging.getLogger("asgi_tiktok")

PURGE_INTERVAL = 60  # seconds
BATCH = 200  # rows
SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS tiktok_records (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    ends_at REAL NOT NULL,
    owner TEXT
);
CREATE INDEX IF NOT EXISTS tiktok_records_owner ON tiktok_records (owner, ends_at, key) WHERE owner IS NOT NULL;
CREATE INDEX IF NOT EXISTS tiktok_records_ends_at ON tiktok_records (ends_at);
"""
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)  # not on Windows
OTHERS = 0o077  # the permissions of all users but the owner
COMPANIONS = ("-wal", "-shm", "-journal")
SET = "INSERT OR REPLACE INTO tiktok_records (key, value, ends_at, owner) VALUES (:key, :value, :now + :ttl, :owner)"
ADD = """
INSERT OR REPLACE INTO tiktok_records (key, value, ends_at, owner) SELECT :key, :value, :now + :ttl, :owner
WHERE NOT EXISTS (SELECT 1 FROM tiktok_records WHERE key = :key AND ends_at > :now)
"""
REPLACE = """
UPDATE tiktok_records SET value = :new, ends_at = :now + :ttl, owner = :owner
WHERE key = :key AND value = :old AND ends_at > :now
"""
DELETE = "DELETE FROM tiktok_records WHERE key = :key AND (:value IS NULL OR value = :value) AND ends_at > :now"
DELETE_OWNED = "DELETE FROM tiktok_records WHERE owner = :owner AND ends_at > :now"


class SQLiteStore:
    """A store in one SQLite file. Several processes on one machine can share it, and it survives restarts.

    The file is opened on first use, and created if it does not exist. Only its owner can read it. Reads and
    writes have one thread each, so a read never waits for a write. Expired records are deleted in small
    batches after a write, without delaying it.

    Args:
        path (str | os.PathLike[str]): The file. A missing folder is created, and ignored by git.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        # The process may change its working directory.
        self._file = self._path.absolute()
        self._reader = SQLiteThread(self._file, self._open_for_reading)
        self._writer = SQLiteThread(self._file, partial(self._open_file, timeout=BUSY_TIMEOUT))
        self._purged_at = 0.0
        self._purges: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self._path)!r})"

    async def get(self, key: str) -> bytes | None:
        # Reading one row takes less time than passing the operation to a thread.
        record = self.peek(key)
        return await self._reader.run(partial(read_one, key=key)) if record is None else record

    def peek(self, key: str) -> bytes | None:
        """Return the value of a record, or None if there is none or it cannot be read without waiting."""
        try:
            return self._reader.run_if_idle(partial(read_one, key=key))
        except WouldBlock:
            return None

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        await self._write(SET, key=key, value=value, ttl=ttl, owner=owner)

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        return await self._write(ADD, key=key, value=value, ttl=ttl, owner=owner) == 1

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        return await self._write(REPLACE, key=key, old=old, new=new, ttl=ttl, owner=owner) == 1

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        return await self._write(DELETE, key=key, value=value) == 1

    async def owned(self, owner: str) -> AsyncIterator[str]:
        after = (time.time(), "")
        while batch := await self._reader.run(partial(read_owned, owner=owner, after=after)):
            for _, key in batch:
                yield key
            after = batch[-1]

    async def delete_owned(self, owner: str) -> int:
        return await self._write(DELETE_OWNED, owner=owner)

    async def aclose(self) -> None:
        if purging := self._purges.pop(running_loop(), None):
            purging.cancel()
            await asyncio.wait({purging})
        await self._writer.aclose()
        await self._reader.aclose()

    def _check(self) -> None:
        """Raise StoreError if the file cannot be used. Blocks the calling thread."""
        self._writer.run_here(lambda db: None, time.monotonic())
        self._close()

    def _close(self) -> None:
        """Close the file and end the threads. Blocks the calling thread."""
        self._writer.close()
        self._reader.close()

    async def _write(self, statement: str, **parameters: bytes | str | int | None) -> int:
        """Return the number of rows that the statement changed."""

        def write(db: sqlite3.Connection) -> int:
            return db.execute(statement, {**parameters, "now": time.time()}).rowcount

        changed = await self._writer.run(lambda db: in_transaction(db, write))
        self._start_purge()
        return changed

    def _start_purge(self) -> None:
        purging = self._purges.get(running_loop())
        if 0 <= time.time() - self._purged_at < PURGE_INTERVAL or (purging is not None and not purging.done()):
            return
        self._purged_at = time.time()
        self._purges[running_loop()] = asyncio.create_task(self._purge())

    async def _purge(self) -> None:
        try:
            await purge(self._writer)
        except StoreError as error:
            logger.warning("expired records not deleted: %s", error, extra=count_event(Event.STORE_FAILED, error))

    def _open_for_reading(self) -> sqlite3.Connection:
        """Open a connection that can read even if the file system has become read-only."""
        # SQLite would wait for a lock in the event loop, so there is no timeout. SQLiteThread waits in its thread.
        writable = os.access(self._file, os.W_OK) and os.access(self._file.parent, os.W_OK)
        if writable or not self._file.exists():
            return self._open_file(timeout=0)
        uri = self._file.as_uri()
        try:
            return connect(f"{uri}?mode=ro", self._check_file)
        except sqlite3.OperationalError:
            # The write-ahead log is missing, so the file is complete, but SQLite reads it only with this option.
            return connect(f"{uri}?mode=ro&immutable=1", self._check_file, factory=Snapshot)

    def _open_file(self, *, timeout: float) -> sqlite3.Connection:
        prepare_folder(self._file.parent)
        prepare_file(self._file)
        return connect(self._file.as_uri(), self._prepare, timeout=timeout)

    def _check_file(self, db: sqlite3.Connection) -> bool:
        return check_file(db, self._file)

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.executescript(SCHEMA)
        if not self._check_file(db):
            in_transaction(db, partial(mark_file, path=self._file))


def connect(
    uri: str,
    prepare: Operation[object],
    *,
    timeout: float = 0,
    factory: type[sqlite3.Connection] = sqlite3.Connection,
) -> sqlite3.Connection:
    """Return a connection that `prepare` has accepted."""
    db = sqlite3.connect(
        uri, timeout=timeout, uri=True, isolation_level=None, check_same_thread=False, factory=factory
    )
    try:
        prepare(db)
    except (sqlite3.Error, StoreError):
        db.close()
        raise
    return db


def check_file(db: sqlite3.Connection, path: Path) -> bool:
    """Return whether the records have the mark of their format. Raises StoreError if they have another format."""
    row = db.execute("SELECT value FROM tiktok_records WHERE key = ?", (MARK,)).fetchone()
    first, last = (
        (None, None) if row else db.execute("SELECT min(ends_at), max(ends_at) FROM tiktok_records").fetchone()
    )
    check_format(SECONDS, row and bytes(row[0]), first, last, str(path))
    return row is not None


def mark_file(db: sqlite3.Connection, path: Path) -> None:
    """Add the mark of the format, unless it is there."""
    if not check_file(db, path):
        db.execute("INSERT INTO tiktok_records (key, value, ends_at) VALUES (?, ?, ?)", (MARK, SECONDS, NEVER))


def read_one(db: sqlite3.Connection, key: str) -> bytes | None:
    row = db.execute("SELECT value FROM tiktok_records WHERE key = ? AND ends_at > ?", (key, time.time())).fetchone()
    return None if row is None else bytes(row[0])


def read_owned(db: sqlite3.Connection, owner: str, after: tuple[float, str]) -> list[tuple[float, str]]:
    query = (
        "SELECT ends_at, key FROM tiktok_records WHERE owner = ? AND (ends_at, key) > (?, ?) "
        "ORDER BY ends_at, key LIMIT ?"
    )
    return [(float(row[0]), str(row[1])) for row in db.execute(query, (owner, *after, BATCH))]


def prepare_folder(folder: Path) -> None:
    """Create the folder if it does not exist, so that only its owner can read it and git ignores it."""
    if folder.exists():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")


def prepare_file(path: Path) -> None:
    """Create the file if it does not exist, and let only its owner read it and the files that SQLite puts beside it.

    A symbolic link to an existing file is followed, because the operator has made both.
    """
    if not path.exists():
        # SQLite would create a file that every user can read, also at the end of a link.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o600))
    # By name, because closing a second handle of a file would release SQLite's locks on it (How To Corrupt, §2.2).
    path = path.resolve()
    for file in (path, *(path.with_name(path.name + suffix) for suffix in COMPANIONS)):
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & OTHERS:
                file.chmod(mode & ~OTHERS)
        except FileNotFoundError:
            continue
        except PermissionError:
            logger.warning("store can be read by other users: %s belongs to another user, run chmod 600 on it", file)
