"""Start and end the processes of a benchmark."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

START_TIMEOUT = 120  # seconds, because the machine may be busy
TICK = os.sysconf("SC_CLK_TCK")


def start(
    command: Sequence[str], log: Path, *, environ: Mapping[str, str] | None = None, pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start the command in the background. Its output is appended to the log."""
    with log.open("ab") as output:
        # All commands, paths and ports come from the benchmarks themselves.
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ, pass_fds=pass_fds
        )


def run(command: Sequence[str]) -> int:
    """Run the command without showing its output, and return its exit status."""
    return subprocess.run(command, capture_output=True, check=False).returncode


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the process is ready.

    Raises RuntimeError with the end of the log if the process exits, or is not ready in time.
    """
    deadline = time.monotonic() + START_TIMEOUT
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            output = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{process.args!r} did not start. The end of its log:\n{output}")
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes]) -> None:
    """Terminate the process, and kill it if it does not end within 10 seconds."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_time(pid: int) -> float:
    """Return the seconds of CPU time that the process has used, with its living children."""
    used = 0
    for each in (pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())):
        with suppress(FileNotFoundError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            used += int(fields[11]) + int(fields[12])
    return used / TICK


def free_port() -> int:
    """Return a loopback port that is not in use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
