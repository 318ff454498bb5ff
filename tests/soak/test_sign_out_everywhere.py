"""Sessions that end in one worker while the others keep them in memory."""

import pytest

from benchmarks.sign_out_everywhere import KILLED, Plan, run
from tests.support.requirements import require_program


@pytest.mark.soak
def test_no_worker_serves_an_ended_session_beyond_the_bound() -> None:
    require_program("redis-server", "redis-server")

    found = run("redis", ["channel black-holed", KILLED], Plan(sign_outs=5, rounds=1, at_fault=3))

    assert [len(seen.refused_after) for seen in found.values()] == [5, 3, 3]
    assert [seen.beyond for seen in found.values()] == [0, 0, 0]
    assert [seen.lost for seen in found.values()] == [0, 0, 0]
