"""Logins that are started and never finished."""

import json
import subprocess
import sys

import pytest

# In a process of its own, because pytest keeps the log records of its process.
ABANDON = (
    "import json; from benchmarks.abandoned_logins import abandon; "
    "print(json.dumps(vars(abandon(20_000, warm_up=5_000))))"
)


@pytest.mark.soak
def test_unfinished_logins_leave_no_rows_and_no_memory() -> None:
    done = subprocess.run([sys.executable, "-c", ABANDON], capture_output=True, text=True, check=True)
    left = json.loads(done.stdout)

    assert left["starts"] == 20_000
    assert left["rows"] == 0
    assert left["growth"] < 10  # MB
