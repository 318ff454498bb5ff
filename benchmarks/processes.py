"""Processes that a benchmark starts, and ends by their own id."""

import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PATIENCE = 30  # seconds for a process to become ready


def start(
    command: Sequence[str], log: Path, *, environ: Mapping[str, str] | None = None, pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start the command in the background; what it prints is appended to the log."""
    with log.open("ab") as output:
        # Every command is one of ours, with paths and ports of our own making.
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ, pass_fds=pass_fds
        )


def run(command: Sequence[str]) -> int:
    """Run the command to its end, unseen; its exit status."""
    return subprocess.run(command, capture_output=True, check=False).returncode


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask until it is ready; RuntimeError with the log's end when it ends before, or never is."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes]) -> None:
    """End it, politely first."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
