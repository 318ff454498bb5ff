"""A thread with one connection to one SQLite file, which runs one operation after another."""

import errno
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TypeVar
from weakref import WeakSet

from asgi_tiktok.errors import StoreError
from asgi_tiktok.event_loop import running_loop

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]

BUSY_TIMEOUT = 2  # seconds from the call of an operation to its start
FILE_CHECK = 0.5  # seconds
BUSY_PAUSE = 0.01  # seconds

LOCKED = "Another process keeps the file locked: stop that process, or shorten its transactions."


class WouldBlock(Exception):
    """The operation would have to wait."""


class Snapshot(sqlite3.Connection):
    """A connection that sees no change of its file, so it must be used only once."""


class SQLiteThread:
    """Runs operations in its own thread, so that neither the event loop nor the app's thread pool waits.

    The file is opened on first use. An operation that cannot start within BUSY_TIMEOUT, because another process holds
    a lock, fails.
    """

    def __init__(self, path: Path, open_file: Callable[[], sqlite3.Connection]) -> None:
        self.path = path
        self.open_file = open_file
        self.connection: sqlite3.Connection | None = None
        self.file_id = (0, 0)
        self.checked_at = 0.0  # monotonic time of the last look at the file's id
        self.pid = os.getpid()
        self.executor = new_executor()
        self.lock = Lock()  # held while the connection is used
        sqlite_threads.add(self)

    async def run(self, operation: Operation[T]) -> T:
        """Return the result of the operation. Raises StoreError if the file cannot be used."""
        self.restart_after_fork()
        called = time.monotonic()
        return await running_loop().run_in_executor(self.executor, self.run_here, operation, called)

    def run_if_idle(self, operation: Operation[T]) -> T:
        """Run an operation that only reads in the calling thread. Raises WouldBlock if it would have to wait.

        For FILE_CHECK seconds after the file was deleted, the operation may still read that file.
        """
        if not self.lock.acquire(blocking=False):
            raise WouldBlock
        try:
            if self.connection is None or not self.sees_changes() or not self.is_current():
                raise WouldBlock
            return operation(self.connection)
        except (sqlite3.Error, OSError):
            raise WouldBlock from None
        finally:
            self.lock.release()

    def run_here(self, operation: Operation[T], called: float) -> T:
        """Run the operation in the calling thread. `called` is the monotonic time at which it was requested."""
        if time.monotonic() - called > BUSY_TIMEOUT:
            raise StoreError(f"{self.path}: database is locked", hint=LOCKED)
        try:
            return self.run_with_retries(operation, called)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self.path}: {error}", hint=hint_for(error)) from error

    def run_with_retries(self, operation: Operation[T], called: float) -> T:
        while True:
            try:
                with self.lock:
                    return operation(self.connect())
            except sqlite3.OperationalError as error:
                busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() - called > BUSY_TIMEOUT:
                    raise
            time.sleep(BUSY_PAUSE)

    def connect(self) -> sqlite3.Connection:
        # If the file was deleted, other processes use a new file with another inode, so this connection must follow
        # (SQLite: How To Corrupt, §4).
        self.checked_at = time.monotonic()
        if self.connection is None or not self.sees_changes() or self.file_id != self.current_file_id():
            self.disconnect()
            self.connection = self.open_file()
            self.file_id = self.current_file_id()
        return self.connection

    def sees_changes(self) -> bool:
        return not isinstance(self.connection, Snapshot)

    def is_current(self) -> bool:
        """Return whether the connection's file is the one at the path, as seen in the last FILE_CHECK seconds."""
        now = time.monotonic()
        if now - self.checked_at < FILE_CHECK:
            return True
        self.checked_at = now
        return self.file_id == self.current_file_id()

    def current_file_id(self) -> tuple[int, int]:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_dev, found.st_ino

    def disconnect(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    async def aclose(self) -> None:
        """Close the file. The next operation opens it again."""
        self.restart_after_fork()
        await running_loop().run_in_executor(self.executor, self.disconnect)

    def close(self) -> None:
        """Close the file and end the thread. Blocks the calling thread until then."""
        self.restart_after_fork()
        self.executor.submit(self.disconnect).result()
        self.executor.shutdown()
        self.executor = new_executor()

    def restart_after_fork(self) -> None:
        # The parent's thread does not exist in a forked process.
        if self.pid != os.getpid():
            self.pid = os.getpid()
            self.executor = new_executor()


def in_transaction(db: sqlite3.Connection, operation: Operation[T]) -> T:
    db.execute("BEGIN IMMEDIATE")
    try:
        result = operation(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return result


def new_executor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "asgi-tiktok-sqlite")


def before_fork() -> None:
    """Close every file and keep it closed, because a child process must not even close an inherited connection."""
    for thread in list(sqlite_threads):
        thread.lock.acquire()
        thread.disconnect()
        locked.append(thread)


def after_fork() -> None:
    while locked:
        locked.pop().lock.release()


sqlite_threads: WeakSet[SQLiteThread] = WeakSet()
locked: list[SQLiteThread] = []
# Windows has no fork. After a fork, both processes open their files again (SQLite: How To Corrupt, §2.6).
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=before_fork, after_in_parent=after_fork, after_in_child=after_fork)


def hint_for(error: Exception) -> str:
    text = str(error)
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "The file is a symbolic link to a missing file: create that file, or remove the link."
    if "locked" in text or "busy" in text:
        return LOCKED
    if "full" in text:
        return "The disk is full: make room."
    if "malformed" in text or "not a database" in text:
        return "The file is damaged: stop the app, move the file away and keep it, and start the app again."
    return "The app's user must be able to write to this file and to its folder."
