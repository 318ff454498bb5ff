"""Measure how many seconds it takes from an empty folder to a sign-in, with the command of the README.

Run it with `python -m tests.quickstart.quickstart`.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.form_browser import FormBrowser
from tests.support.ports import free_port
from tests.support.processes import READY

ROOT = Path(__file__).parent.parent.parent
TIMEOUT = 600  # seconds
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "node_modules")
# Variables of the virtual environment in which the tests run.
FOREIGN = ("PYTHONPATH", "VIRTUAL_ENV", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds since the start of the command."""

    serving: float
    signed_in: float


def readme_command() -> str:
    """Return the command of the section "Try it"."""
    [command] = re.findall(r"^python3 -m venv .*asgi-tiktok demo$", (ROOT / "README.md").read_text(), re.MULTILINE)
    return str(command)


def quickstart(folder: Path) -> Times:
    """Run the README's command in a copy of this checkout, and sign in at the demo that it serves."""
    checkout = folder / "asgi-tiktok"
    shutil.copytree(ROOT, checkout, ignore=LEFT_OUT)
    port, emulator_port = free_port(), free_port()
    command = f"{readme_command()} --no-browser --port {port} --emulator-port {emulator_port}"
    environ = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    output = folder / "output"
    began = time.monotonic()
    with output.open("w") as written:
        shell = subprocess.Popen(
            ["/bin/bash", "-c", command],
            cwd=checkout,
            env=environ,
            stdout=written,
            stderr=written,
            start_new_session=True,
        )
    try:
        wait_until_serving(shell, output)
        serving = time.monotonic() - began
        sign_in(port)
        return Times(serving, time.monotonic() - began)
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGINT)
            shell.wait(timeout=TIMEOUT)


def wait_until_serving(shell: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + TIMEOUT
    while READY not in output.read_text():
        if shell.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"The README's command did not start the demo:\n{output.read_text()}")
        time.sleep(0.05)


def sign_in(port: int) -> None:
    browser = FormBrowser()
    profile = browser.sign_in(f"http://localhost:{port}/auth/tiktok/login?next=/profile")
    browser.close()
    if "Amara Sol" not in profile.text:
        raise RuntimeError(f"The sign-in at {profile.url} failed.")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        times = quickstart(Path(folder))
    print(f"{times.serving:.0f} seconds until the demo was served, {times.signed_in:.0f} until the sign-in")
