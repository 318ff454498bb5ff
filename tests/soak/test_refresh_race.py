"""Several worker processes need the same expired token at once."""

import pytest

from benchmarks.refresh_race import run_race


@pytest.mark.soak
def test_one_worker_refreshes_the_token_in_each_round() -> None:
    race = run_race("sqlite", workers=2, requests=20, rounds=3)

    assert race.refreshes == race.rounds_with_one == race.rounds == 3
    assert race.right_answers == race.requests == 120
    assert race.invalid_grants == race.sign_outs == race.other_errors == 0
