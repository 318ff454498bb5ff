"""The engines behind the stores, each with a place of its own that is gone afterwards."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from benchmarks.postgresql import PostgreSQLServer
from benchmarks.redis_server import RedisServer


class Engine(Protocol):
    """Where a store keeps its records."""

    url: str

    def start(self) -> None:
        """Start it, and return when it answers. A later start finds what was kept."""
        ...

    def kill(self) -> None:
        """End it as a power failure would, as far as a process can tell."""
        ...

    def end(self) -> None:
        """End it for good."""
        ...


class SQLiteFile:
    """A file needs no server."""

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
    """An engine of this kind, empty, in a folder of its own, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="asgi-tiktok-") as folder:
        engine = ENGINES[name](Path(folder))
        try:
            engine.start()
            yield engine
        finally:
            engine.end()
