"""A temporary PostgreSQL server."""

import os
import pwd
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.processes import end, free_port, run, start, wait_until

USER = "postgres"


class PostgreSQLServer:
    """PostgreSQL on a free port, with the settings of `initdb`.

    `kill` kills all of its processes at once.
    """

    def __init__(self, folder: Path) -> None:
        self.programs = newest_programs()
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.url = f"postgresql+asyncpg://{USER}@127.0.0.1:{self.port}/postgres"
        self.process: subprocess.Popen[bytes] | None = None
        if os.getuid() == 0:
            # PostgreSQL refuses to run as root.
            account = pwd.getpwnam(USER)
            os.chown(folder, account.pw_uid, account.pw_gid)
            self.as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups"]
        else:
            self.as_user = []

    def start(self) -> None:
        log = self.folder / "postgresql.log"
        if not self.data.exists():
            initdb = [f"{self.programs}/initdb", "-D", str(self.data), "-U", USER, "-A", "trust", "--locale=C.UTF-8"]
            if run([*self.as_user, *initdb]) != 0:
                raise RuntimeError("initdb failed. Run it by hand to see why.")
        command = [f"{self.programs}/postgres", "-D", str(self.data), "-p", str(self.port), "-k", str(self.folder)]
        self.process = start([*self.as_user, *command, "-h", "127.0.0.1"], log)
        is_ready = [f"{self.programs}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        wait_until(lambda: run(is_ready) == 0, self.process, log)

    def kill(self) -> None:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.process.kill()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        if self.process is not None:
            # A fast shutdown, which does not wait for open connections.
            self.process.send_signal(signal.SIGINT)
            end(self.process)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """Connect to the database at this SQLAlchemy URL with asyncpg, until the block ends."""
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


def newest_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise SystemExit("PostgreSQL is not installed. On Debian: apt-get install postgresql")
    return found[-1].parent
