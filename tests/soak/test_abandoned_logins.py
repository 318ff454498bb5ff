"""Visitors who never return leave nothing behind."""

import pytest

from benchmarks.abandoned_logins import abandon


@pytest.mark.soak
def test_logins_that_are_never_finished_leave_nothing() -> None:
    left = abandon(20_000, warm_up=5_000)

    assert left.starts == 20_000
    assert left.rows == 0
    assert left.growth < 5  # MB
