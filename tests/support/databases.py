"""Databases for the tests: those that answer, and a PostgreSQL of one's own to kill."""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import URL, func, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore

POSTGRESQL = os.environ.get("TEST_POSTGRESQL_URL", "postgresql+asyncpg://postgres@127.0.0.1:5432/test")
MARIADB = os.environ.get("TEST_MARIADB_URL", "mysql+asyncmy://root@127.0.0.1:3306/test")
CURES = {
    "postgresql": "apt-get install postgresql, or name one in TEST_POSTGRESQL_URL",
    "mariadb": "apt-get install mariadb-server, or name one in TEST_MARIADB_URL",
}


def unavailable(what: str, cure: str) -> None:
    """Skip the test, saying what would let it run; in CI nothing is skipped."""
    if os.environ.get("CI"):
        pytest.fail(f"no {what} for the tests: {cure}")
    pytest.skip(f"no {what}: {cure}")


def database_url(name: str, tmp_path: Path) -> URL:
    """The URL of a database that answers."""
    if name == "aiosqlite":
        return make_url(f"sqlite+aiosqlite:///{tmp_path / 'store.sqlite3'}")
    url = make_url(POSTGRESQL if name == "postgresql" else MARIADB)
    try:
        socket.create_connection((url.host or "127.0.0.1", url.port or 0), timeout=2).close()
    except OSError:
        unavailable(name, CURES[name])
    return url


def table_name() -> str:
    return f"t_{secrets.token_hex(8)}"


@asynccontextmanager
async def database_store(name: str, tmp_path: Path) -> AsyncIterator[SQLAlchemyStore]:
    """A store in a table of its own."""
    url = database_url(name, tmp_path)
    store = SQLAlchemyStore(url, table=table_name())
    try:
        yield store
    finally:
        await store.aclose()
        async with database(url) as engine, engine.begin() as connection:
            await connection.execute(text(f"DROP TABLE IF EXISTS {store.table.name}"))


@asynccontextmanager
async def database(url: URL | str) -> AsyncIterator[AsyncEngine]:
    """An engine as an app has it."""
    engine = create_async_engine(url)
    try:
        yield engine
    finally:
        await engine.dispose()


class Cluster:
    """A PostgreSQL of one's own."""

    def __init__(self, folder: Path, port: int) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not programs or not shutil.which("setpriv"):
            unavailable("PostgreSQL programs", CURES["postgresql"])
        self.bin = programs[-1].parent
        self.folder = folder / "cluster"
        self.port = port
        self.url = f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres"
        self.server: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root.
        self.prefix = (
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        )
        self.folder.mkdir()
        if self.prefix:
            shutil.chown(self.folder, "postgres", "postgres")
            folder.chmod(0o711)
        initdb = [str(self.bin / "initdb"), "-D", str(self.folder), "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run([*self.prefix, *initdb], check=True, capture_output=True, cwd="/", timeout=60)

    def start(self) -> None:
        server = [
            str(self.bin / "postgres"),
            "-D",
            str(self.folder),
            "-p",
            str(self.port),
            "-h",
            "127.0.0.1",
            "-k",
            "",
        ]
        log = (self.folder.parent / "postgres.log").open("ab")
        with log:
            self.server = subprocess.Popen([*self.prefix, *server], stdout=log, stderr=log, cwd="/")
        ready = [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        until = time.monotonic() + 30
        while subprocess.run(ready, check=False, timeout=10).returncode:
            assert time.monotonic() < until, (self.folder.parent / "postgres.log").read_text()
            time.sleep(0.1)

    def send(self, number: signal.Signals) -> list[int]:
        """Signal the server, which is one process and its children; the children."""
        assert self.server is not None
        children: list[int] = []
        with suppress(OSError):
            listed = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text()
            children = [int(child) for child in listed.split()]
        for process in (self.server.pid, *children):
            with suppress(ProcessLookupError):
                os.kill(process, number)
        return children

    def kill(self) -> None:
        """As a power cut does: nothing is said to clients, nothing is written."""
        if self.server is None:
            return
        # Stopped first, so that no child is born unseen.
        self.server.send_signal(signal.SIGSTOP)
        children = self.send(signal.SIGKILL)
        self.server.wait(30)
        until = time.monotonic() + 10
        while any(alive(child) for child in children) and time.monotonic() < until:
            time.sleep(0.02)
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        self.server = None


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def cluster(port: int) -> Iterator[Cluster]:
    # pytest's own folders are for root's eyes only, which the user postgres has not.
    with tempfile.TemporaryDirectory(prefix="asgi-tiktok-postgresql-") as folder:
        own = Cluster(Path(folder), port)
        try:
            own.start()
            yield own
        finally:
            own.kill()


async def rows(store: SQLAlchemyStore) -> int:
    async with database(store.url) as engine, engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(store.table))).scalar_one())


async def rows_become(store: SQLAlchemyStore, number: int) -> None:
    async with asyncio.timeout(5):
        while await rows(store) != number:
            await asyncio.sleep(0.02)
