"""Run a server process on a socket that is opened here, so that its port is known."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2

from benchmarks.processes import end, start, wait_until


@contextmanager
def listening(command: Sequence[str], log: Path, environ: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Run the command with the file descriptor of a listening socket as its last argument.

    Yields the port and the process id.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        port, fd = int(listener.getsockname()[1]), listener.fileno()
        process = start([*command, str(fd)], log, environ=environ, pass_fds=[fd])

        def is_ready() -> bool:
            try:
                return httpx2.get(f"http://127.0.0.1:{port}", timeout=1, trust_env=False).status_code > 0
            except httpx2.TransportError:
                return False

        try:
            wait_until(is_ready, process, log)
            yield port, process.pid
        finally:
            end(process)
