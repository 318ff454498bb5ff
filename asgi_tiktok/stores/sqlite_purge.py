"""Delete the expired records of an SQLite file, one process at a time."""

import asyncio
import secrets
import sqlite3
import time
from functools import partial
from pathlib import Path

from asgi_tiktok.stores.sqlite_thread import SQLiteThread, in_transaction

BATCH = 200  # rows
PAUSE = 0.05  # seconds between two batches
LEASE = "asgi-tiktok:purge"  # the key of the record that the process holds while it purges
LEASE_TTL = 10  # seconds after the last batch
MAX_LOG = 4 * 1024 * 1024  # bytes of the write-ahead log before it is truncated
TAKE_LEASE = """
INSERT OR REPLACE INTO tiktok_records (key, value, ends_at) SELECT :key, :holder, :now + :ttl
WHERE NOT EXISTS (SELECT 1 FROM tiktok_records WHERE key = :key AND value <> :holder AND ends_at > :now)
"""
END_LEASE = "DELETE FROM tiktok_records WHERE key = ? AND value = ?"
# The limit bounds the time of one batch. Not every SQLite has DELETE ... LIMIT.
DELETE_EXPIRED = "DELETE FROM tiktok_records WHERE key IN (SELECT key FROM tiktok_records WHERE ends_at <= ? LIMIT ?)"


async def purge(writer: SQLiteThread) -> None:
    """Delete all expired records in small batches, so that other operations run in between.

    Only one process purges a file at a time, because no process can shorten the write-ahead log while others write.
    """
    delete = partial(delete_batch, holder=secrets.token_bytes(16))
    truncate = partial(truncate_log, log=Path(f"{writer.path.resolve()}-wal"))
    while await writer.run(delete) == BATCH:
        await writer.run(truncate)
        await asyncio.sleep(PAUSE)
    await writer.run(truncate)


def delete_batch(db: sqlite3.Connection, holder: bytes) -> int:
    """Return the number of deleted records, or 0 if another process purges."""

    def delete(db: sqlite3.Connection) -> int:
        now = time.time()
        lease = {"key": LEASE, "holder": holder, "now": now, "ttl": LEASE_TTL}
        if db.execute(TAKE_LEASE, lease).rowcount == 0:
            return 0
        deleted = db.execute(DELETE_EXPIRED, (now, BATCH)).rowcount
        if deleted < BATCH:
            db.execute(END_LEASE, (LEASE, holder))
        return deleted

    return in_transaction(db, delete)


def truncate_log(db: sqlite3.Connection, log: Path) -> None:
    """Move a large write-ahead log into the database. If another process reads it, the next batch tries again."""
    if log.exists() and log.stat().st_size > MAX_LOG:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
