"""A token refresh that is cancelled at each of its awaits."""

import anyio
import pytest

from benchmarks.cancel_sweep import cancel_requests


@pytest.mark.soak
def test_a_request_cancelled_at_any_await_saves_the_new_token() -> None:
    sweep = anyio.run(cancel_requests)

    print(f"{sweep.points} points")
    assert sweep.points > 10
    assert sweep.kept == sweep.one_refresh == sweep.points
    assert sweep.lost_tokens == sweep.orphan_leases == 0
