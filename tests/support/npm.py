"""Packages from npm, with the versions and hashes of a package-lock.json."""

import shutil
import subprocess
from pathlib import Path

from tests.support.requirements import require_program

INSTALL_TIMEOUT = 600  # seconds


def install_packages(source: Path, folder: Path) -> None:
    """Install the packages of `source/package-lock.json` into `folder`. Without npm, skip the test, or fail in CI."""
    npm = require_program("npm", "nodejs npm")
    for path in source.glob("package*.json"):
        shutil.copy(path, folder)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT)
    assert done.returncode == 0, done.stderr
