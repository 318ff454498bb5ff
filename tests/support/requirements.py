"""Programs and servers that a test needs."""

import os
import shutil
from typing import NoReturn

import pytest


def skip_or_fail(missing: str, remedy: str) -> NoReturn:
    """Skip the test because something is missing, with the remedy as the reason. In CI, fail instead."""
    reason = f"{missing}; {remedy}"
    if "CI" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


def require_program(name: str, package: str) -> str:
    """Return the path of a program on the PATH. Without it, skip the test, or fail in CI."""
    path = shutil.which(name)
    return path or skip_or_fail(f"{name} is not installed", f"install it with: apt-get install {package}")
