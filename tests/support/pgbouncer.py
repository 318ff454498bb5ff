"""A PgBouncer in transaction mode in front of the running PostgreSQL."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

from tests.support.ports import free_port, is_listening
from tests.support.requirements import require_program
from tests.support.waiting import wait_until


@contextmanager
def run_pgbouncer(folder: Path, database: URL) -> Iterator[URL]:
    """Yield the URL of the database through a PgBouncer that runs until the end of the block."""
    program = require_program("pgbouncer", "pgbouncer")
    port = free_port()
    users, settings = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text(f'"{database.username}" "{database.password or ""}"\n')
    settings.write_text(
        f"[databases]\n{database.database} = host={database.host} port={database.port} dbname={database.database}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = trust\nauth_file = {users}\n"
        "pool_mode = transaction\ndefault_pool_size = 3\nunix_socket_dir =\n"
    )
    if os.getuid() == 0:
        # PgBouncer refuses to run as root. The folders of pytest are closed to other users, unless they are opened.
        for each in (folder, *folder.parents[:2]):
            each.chmod(0o755)
    options = ["-u", "nobody"] if os.getuid() == 0 else []
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([program, *options, str(settings)], stdout=log, stderr=log)
    try:
        wait_until(lambda: is_listening(port), explain=(folder / "pgbouncer.log").read_text)
        yield database.set(host="127.0.0.1", port=port)
    finally:
        process.terminate()
        process.wait(10)
