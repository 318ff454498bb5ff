"""The overhead of a request in CPU instructions, which other work on the machine does not affect."""

import asyncio
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.in_process import spend
from benchmarks.overhead import Figures, enter, situations_of

WARM_UP = 50  # requests
TIMES = 100  # requests of each kind
TIMEOUT = 900  # seconds; valgrind makes everything fifty times slower
MARK = "getppid"  # a function that nothing else calls


def count() -> Figures:
    """Count the instructions of each request, in addition to those of the bare app."""
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not installed. On Debian: apt-get install valgrind")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        callgrind = ["--tool=callgrind", f"--dump-before={MARK}", f"--callgrind-out-file={folder / 'part'}"]
        command = ["valgrind", "-q", *callgrind, sys.executable, "-m", "benchmarks.instructions"]
        # Without a fixed seed, the layout of dicts differs between runs.
        environ = {**os.environ, "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, env=environ, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        figures: Figures = {}
        for number, (contender, situation) in enumerate(json.loads(done.stdout)):
            # Three parts for each: everything before, the bare app, the app.
            bare, app = (read_part(folder / f"part.{3 * number + offset}") for offset in (2, 3))
            figures[contender, situation] = round((app - bare) / TIMES)
    return figures


def read_part(path: Path) -> int:
    """Return the number of instructions that callgrind counted between two marks."""
    found = re.search(r"^summary: (\d+)$", path.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


async def play(folder: Path) -> list[tuple[str, str]]:
    """Run the bare app and the app in turn, with a mark before each block and one after the last.

    This function runs under valgrind.
    """
    played = []
    gc.disable()  # otherwise a collection would be counted in a random block
    for contender in await enter(folder):
        for situation in situations_of(contender):
            scope = situation.scope(contender.cookie)
            for app in (contender.bare, contender.app):
                await spend(app, scope, WARM_UP)
            for app in (contender.bare, contender.app):
                os.getppid()
                await spend(app, scope, TIMES)
            os.getppid()
            played.append((contender.name, situation.name))
    return played


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(play(Path(folder)))))


if __name__ == "__main__":
    main()
