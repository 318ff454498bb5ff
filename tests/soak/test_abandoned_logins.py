"""Logins that are started and never finished."""

import pytest

from benchmarks.abandoned_logins import abandon


@pytest.mark.soak
def test_unfinished_logins_leave_no_rows_and_no_memory() -> None:
    left = abandon(20_000, warm_up=5_000)

    assert left.starts == 20_000
    assert left.rows == 0
    assert left.growth < 10  # MB
