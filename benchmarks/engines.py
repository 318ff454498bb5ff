"""The engines of the stores, each in a temporary folder."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from benchmarks.postgresql import PostgreSQLServer
from benchmarks.redis_server import RedisServer


class Engine(Protocol):
    """The file or the server that keeps the records of a store."""

    url: str

    def start(self) -> None:
        """Start it, and return when it answers. The data of an earlier start is still there."""
        ...

    def kill(self) -> None:
        """End it without a shutdown, as a power failure does."""
        ...

    def end(self) -> None:
        """Shut it down."""
        ...


class SQLiteFile:
    """A SQLite file, which needs no server."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "store.sqlite3"
        self.url = f"sqlite:///{self.path}"

    def start(self) -> None:
        """Nothing to start."""

    def kill(self) -> None:
        """Nothing to kill."""

    def end(self) -> None:
        """Nothing to end."""


ENGINES: dict[str, Callable[[Path], Engine]] = {
    "sqlite": SQLiteFile,
    "redis": RedisServer,
    "postgresql": PostgreSQLServer,
}
SERVERS = ("redis", "postgresql")


@contextmanager
def opened(name: str) -> Iterator[Engine]:
    """Start an empty engine of this kind in a temporary folder, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="asgi-tiktok-") as folder:
        engine = ENGINES[name](Path(folder))
        try:
            engine.start()
            yield engine
        finally:
            engine.end()
