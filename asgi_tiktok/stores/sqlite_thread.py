"""A lane: one thread with one connection to one SQLite file, where steps are taken one after the other."""

import asyncio
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

T = TypeVar("T")
Step = Callable[[sqlite3.Connection], T]

BUSY_TIMEOUT = 2  # seconds, from the call to the first row
BUSY_PAUSE = 0.01  # seconds


class NotNow(Exception):
    """A step would have to wait."""


class Lane:
    """Opens the file on first use, in its own thread, so that neither the event loop nor the app's waits.

    A step that could not begin in time, because those before it waited for another process, is not taken.
    """

    def __init__(self, path: Path, open_file: Callable[[], sqlite3.Connection]) -> None:
        self.path = path
        self.open_file = open_file
        self.connection: sqlite3.Connection | None = None
        self.opened = (0, 0)
        self.pid = os.getpid()
        self.thread = ThreadPoolExecutor(1, "asgi-tiktok-sqlite")
        self.forking = Lock()
        lanes.add(self)

    async def run(self, step: Step[T]) -> T:
        """What the step returns; StoreError for whatever goes wrong with the file."""
        self.survive_fork()
        called = time.monotonic()
        return await asyncio.get_running_loop().run_in_executor(self.thread, self.take, step, called)

    def run_later(self, step: Step[None], failed: Callable[[StoreError], None]) -> None:
        """Take the step after those that wait already; nobody waits for it."""

        def take() -> None:
            try:
                self.take(step, time.monotonic())
            except StoreError as error:
                failed(error)

        self.thread.submit(take)

    def glance(self, step: Step[T]) -> T:
        """Take a step that only reads, here and now; NotNow where the file is not open, or anybody would wait."""
        if not self.forking.acquire(blocking=False):
            raise NotNow
        try:
            if self.connection is None or self.opened != self.identify():
                raise NotNow
            return step(self.connection)
        except (sqlite3.Error, OSError):
            raise NotNow from None
        finally:
            self.forking.release()

    def take(self, step: Step[T], called: float) -> T:
        """Take the step in this very thread."""
        if time.monotonic() - called > BUSY_TIMEOUT:
            raise StoreError(f"{self.path}: database is locked", hint=LOCKED)
        try:
            return self.take_patiently(step, called)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self.path}: {error}", hint=hint_for(error)) from error

    def take_patiently(self, step: Step[T], called: float) -> T:
        while True:
            try:
                with self.forking:
                    return step(self.connect())
            except sqlite3.OperationalError as error:
                busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() - called > BUSY_TIMEOUT:
                    raise
            time.sleep(BUSY_PAUSE)

    def connect(self) -> sqlite3.Connection:
        # A connection must not outlive its file, which other processes would then know under another inode
        # (SQLite: How To Corrupt, §4).
        if self.connection is None or self.opened != self.identify():
            self.disconnect()
            self.connection = self.open_file()
            self.opened = self.identify()
        return self.connection

    def identify(self) -> tuple[int, int]:
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
        """Close the file; the next step opens it again."""
        self.survive_fork()
        await asyncio.get_running_loop().run_in_executor(self.thread, self.disconnect)

    def close(self) -> None:
        """Close the file and end the thread, from any other thread."""
        self.survive_fork()
        self.thread.submit(self.disconnect).result()
        self.thread.shutdown()
        self.thread = ThreadPoolExecutor(1, "asgi-tiktok-sqlite")

    def survive_fork(self) -> None:
        # The parent's thread does not live on in a forked process.
        if self.pid != os.getpid():
            self.pid = os.getpid()
            self.thread = ThreadPoolExecutor(1, "asgi-tiktok-sqlite")


def before_fork() -> None:
    """Close every file and keep it closed: a connection must not be carried over, not even to be closed."""
    for lane in list(lanes):
        lane.forking.acquire()
        lane.disconnect()
        waiting.append(lane)


def after_fork() -> None:
    while waiting:
        waiting.pop().forking.release()


# SQLite: How To Corrupt, §2.6. Both processes open their files again at the next step.
lanes: WeakSet[Lane] = WeakSet()
waiting: list[Lane] = []
os.register_at_fork(before=before_fork, after_in_parent=after_fork, after_in_child=after_fork)


LOCKED = "Another process keeps the file locked: end it, or give it less to do in one transaction."


def hint_for(error: Exception) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return LOCKED
    if "full" in text:
        return "The disk is full: make room."
    if "malformed" in text or "not a database" in text:
        return "The file is damaged: stop the app, move the file away and keep it, and start again."
    return "The app's user must be able to write to this file and to its folder."
