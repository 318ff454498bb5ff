"""A temporary MariaDB server."""

import os
import shutil
import subprocess
from pathlib import Path

from benchmarks.processes import end, free_port, run, start, wait_until

USER = "app"  # without the privilege to write to a read-only server


class MariaDBServer:
    """MariaDB on a free port, with an empty database `test` and a user without a password."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("mariadbd") is None:
            raise SystemExit("mariadbd is not installed. On Debian: apt-get install mariadb-server")
        self.folder = folder
        self.port = free_port()
        self.url = f"mysql+asyncmy://{USER}@127.0.0.1:{self.port}/test"
        self.socket = folder / "mariadb.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        data, log = self.folder / "data", self.folder / "mariadb.log"
        user = ["--user=root"] if os.getuid() == 0 else []
        install = [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
        ]
        if not data.exists() and run([*install, *user]) != 0:
            raise RuntimeError("mariadb-install-db failed. Run it by hand to see why.")
        command = [
            "mariadbd",
            "--no-defaults",
            f"--datadir={data}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
        ]
        self.process = start([*command, f"--socket={self.socket}", *user], log)
        wait_until(lambda: self.execute("SELECT 1") == 0, self.process, log)
        self.execute(
            f"CREATE DATABASE IF NOT EXISTS test; CREATE USER IF NOT EXISTS {USER}@'127.0.0.1'; "
            f"GRANT ALL ON test.* TO {USER}@'127.0.0.1'; DROP USER IF EXISTS ''@localhost"
        )

    def execute(self, statements: str) -> int:
        return run(["mariadb", "--no-defaults", f"--socket={self.socket}", "-u", "root", "-e", statements])

    def end(self) -> None:
        if self.process is not None:
            end(self.process)
