"""SQL databases: the running servers, and a PostgreSQL server that a test may kill."""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, func, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from asgi_tiktok.stores.record_format import NEVER
from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore
from tests.support.ports import is_listening
from tests.support.requirements import skip_or_fail
from tests.support.waiting import TIMEOUT, wait_until

POSTGRESQL = os.environ.get("TEST_POSTGRESQL_URL", "postgresql+asyncpg://postgres@127.0.0.1:5432/test")
MARIADB = os.environ.get("TEST_MARIADB_URL", "mysql+asyncmy://root@127.0.0.1:3306/test")
REMEDIES = {
    "postgresql": "apt-get install postgresql, or set TEST_POSTGRESQL_URL",
    "mariadb": "apt-get install mariadb-server, or set TEST_MARIADB_URL",
}


def database_url(name: str, tmp_path: Path) -> URL:
    """Return the URL of a database that accepts connections. Without one, skip the test."""
    if name == "aiosqlite":
        return make_url(f"sqlite+aiosqlite:///{tmp_path / 'store.sqlite3'}")
    url = make_url(POSTGRESQL if name == "postgresql" else MARIADB)
    if not is_listening(url.port or 0, url.host or "127.0.0.1"):
        skip_or_fail(f"no {name} server accepts connections", REMEDIES[name])
    return url


def new_table_name() -> str:
    """Return a random name, so that tests that run at the same time do not share a table."""
    return f"t_{secrets.token_hex(8)}"


@asynccontextmanager
async def open_database_store(name: str, tmp_path: Path) -> AsyncIterator[SQLAlchemyStore]:
    """Open a store with its own table, and drop the table afterwards."""
    url = database_url(name, tmp_path)
    store = SQLAlchemyStore(url, table=new_table_name())
    try:
        yield store
    finally:
        await store.aclose()
        async with open_engine(url) as engine, engine.begin() as connection:
            await connection.execute(text(f"DROP TABLE IF EXISTS {store.table.name}"))


@asynccontextmanager
async def open_engine(url: URL | str) -> AsyncIterator[AsyncEngine]:
    """Open an SQLAlchemy engine."""
    engine = create_async_engine(url)
    try:
        yield engine
    finally:
        await engine.dispose()


class PostgreSQLServer:
    """A PostgreSQL server with an empty data directory, or a hot standby of another server."""

    def __init__(self, folder: Path, port: int, primary: "PostgreSQLServer | None" = None) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not programs or not shutil.which("setpriv"):
            skip_or_fail("PostgreSQL is not installed", REMEDIES["postgresql"])
        self.bin = programs[-1].parent
        self.folder = folder / "cluster"
        self.port = port
        self.url = f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres"
        self.server: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root.
        self.prefix = (
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        )
        self.folder.mkdir(0o700)
        if self.prefix:
            shutil.chown(self.folder, "postgres", "postgres")
            folder.chmod(0o711)
        if primary is None:
            self.run("initdb", "-D", str(self.folder), "-U", "postgres", "-A", "trust", "--no-sync")
        else:
            copied = ("-D", str(self.folder), "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
            self.run("pg_basebackup", "-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres", *copied)

    def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs, and return its output."""
        command = [*self.prefix, str(self.bin / program), *arguments]
        return subprocess.run(command, check=True, capture_output=True, cwd="/", timeout=TIMEOUT, text=True).stdout

    def query(self, statement: str) -> str:
        return self.run("psql", "-Atc", statement, self.url.replace("+asyncpg", "")).strip()

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
        wait_until(
            lambda: subprocess.run(ready, check=False, timeout=TIMEOUT).returncode == 0,
            explain=(self.folder.parent / "postgres.log").read_text,
        )

    def send(self, number: signal.Signals) -> list[int]:
        """Signal the server and its child processes. Return the ids of the children."""
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
        """Kill all processes at once, as a power cut does. No client gets an answer, and nothing is saved."""
        if self.server is None:
            return
        # A stopped server cannot start another child after the list of children was read.
        self.server.send_signal(signal.SIGSTOP)
        children = self.send(signal.SIGKILL)
        self.server.wait(TIMEOUT)
        wait_until(lambda: not any(is_alive(child) for child in children))
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        self.server = None


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def run_postgresql(port: int, primary: PostgreSQLServer | None = None) -> Iterator[PostgreSQLServer]:
    """Run a PostgreSQL server, or a hot standby of `primary`, until the end of the block."""
    # The user postgres cannot read the folders of pytest when the tests run as root.
    with tempfile.TemporaryDirectory(prefix="asgi-tiktok-postgresql-") as folder:
        server = PostgreSQLServer(Path(folder), port, primary)
        try:
            server.start()
            yield server
        finally:
            server.kill()


async def count_rows(store: SQLAlchemyStore) -> int:
    """Return the number of records, without the mark of the format."""
    async with open_engine(store._database.settings.url) as engine, engine.connect() as connection:
        return int(
            (await connection.execute(select(func.count()).where(store.table.c.ends_at != NEVER))).scalar_one()
        )


async def wait_for_rows(store: SQLAlchemyStore, number: int) -> None:
    async with asyncio.timeout(TIMEOUT):
        while await count_rows(store) != number:
            await asyncio.sleep(0.02)
