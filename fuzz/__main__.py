"""The command `python -m fuzz`: fuzz one target, and add the inputs that it finds to the corpus."""

import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz import CORPUS, NAMES

LIMITS = ("-max_len=1024", "-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=1")


def main() -> int:
    """Return the exit status of libFuzzer, which is not 0 after a crash."""
    parser = ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--minutes", type=float, default=5)
    options = parser.parse_args()
    corpus = CORPUS / options.name
    with TemporaryDirectory() as found:
        status = run(options.name, f"-max_total_time={round(options.minutes * 60)}", found, corpus)
        return status or run(options.name, "-merge=1", corpus, found)


def run(name: str, *arguments: str | Path) -> int:
    command = [sys.executable, "-m", "fuzz.engine", name, *LIMITS, *arguments]
    return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main())
