"""A PgBouncer in transaction mode in front of the running PostgreSQL."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

from tests.support.ports import free_port, is_listening
from tests.support.requirements import require_program
from tests.support.waiting import TIMEOUT, wait_until


@contextmanager
def run_pgbouncer(database: URL) -> Iterator[URL]:
    """Yield the URL of the database through a PgBouncer that runs until the end of the block."""
    program = require_program("pgbouncer", "pgbouncer")
    port = free_port()
    # PgBouncer refuses to run as root, and other users cannot enter the folders of pytest.
    with tempfile.TemporaryDirectory(prefix="asgi-tiktok-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        options = ["-u", "nobody"] if os.getuid() == 0 else []
        users, settings, log = (folder / name for name in ("users.txt", "pgbouncer.ini", "pgbouncer.log"))
        users.write_text(f'"{database.username}" "{database.password or ""}"\n')
        settings.write_text(
            f"[databases]\n{database.database} = host={database.host} port={database.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = trust\nauth_file = {users}\n"
            "pool_mode = transaction\ndefault_pool_size = 3\nunix_socket_dir =\n"
        )
        with log.open("wb") as output:
            process = subprocess.Popen([program, *options, str(settings)], stdout=output, stderr=output)
        try:
            wait_until(lambda: is_listening(port), explain=log.read_text)
            yield database.set(host="127.0.0.1", port=port)
        finally:
            process.terminate()
            process.wait(TIMEOUT)
