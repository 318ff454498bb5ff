"""Each benchmark in its smallest form: it works, and its results that do not depend on the speed are right."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import QUICK
from tests.support.requirements import require_program

pytestmark = pytest.mark.soak

WEIGH = "import asyncio; from benchmarks.footprint import sessions; print(list(asyncio.run(sessions(5000))))"


def test_command_lists_every_benchmark() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks"], capture_output=True, text=True, check=True)

    listed = [line.split()[0] for line in done.stdout.splitlines() if line[:2] == "  " and line[2] != " "]
    assert listed == list(QUICK)


def test_overhead_measures_every_contender(tmp_path: Path) -> None:
    from benchmarks.overhead import overhead
    from benchmarks.peers import PEERS

    figures = asyncio.run(overhead(tmp_path, rounds=1, times=2))

    assert len({name for name, _ in figures}) == len(PEERS) + 3


def test_requests_per_second_loses_no_request() -> None:
    from benchmarks.requests_per_second import compete

    require_program("wrk", "wrk")
    runs = compete(["bare", "memory"], rounds=1, seconds=1)

    assert len(runs) == 4
    for (run,) in runs.values():
        assert run.failed == 0
        assert run.rate > 0


def test_logins_completes_every_login() -> None:
    from benchmarks.logins import run

    results = run(rounds=1, logins=2)

    assert [found.finished for found in results.values()] == [2] * 6


def test_refresh_shutdown_loses_no_token_with_a_lifespan(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import refresh_shutdown

    monkeypatch.setattr(refresh_shutdown, "SIGTERM_AFTER", 0)
    found = asyncio.run(refresh_shutdown.shut_down(refresh_shutdown.SERVERS["uvicorn"], delay=0.5, users=3))

    assert (found.refreshes, found.lost) == (3, 0)


def test_refresh_window_is_measured_once_per_refresh() -> None:
    from benchmarks.refresh_window import measure

    assert len(asyncio.run(measure("memory://", rounds=3))) == 3


@pytest.mark.parametrize("call", ["token", "api"])
def test_refresh_storm_refreshes_once(call: str) -> None:
    from benchmarks.refresh_storm import run

    storm = run("sqlite", 100, 1, round_trip=0.01)[call == "api"]

    assert storm.refreshes == 1
    assert storm.served == storm.calls == 100


def test_session_read_finds_every_session() -> None:
    from benchmarks.session_read import run

    medians = run("sqlite", [10, 1000], rounds=1, reads=20)

    assert len(medians) == 2
    assert all(median > 0 for median in medians)


def test_footprint_finds_no_optional_import() -> None:
    from benchmarks.footprint import OURS, load, optional

    assert optional(load(OURS)) == []


def test_footprint_weighs_the_sessions_of_the_memory_store() -> None:
    # In a new process, because this one may have memory that is free but not returned to the system.
    done = subprocess.run([sys.executable, "-c", WEIGH], capture_output=True, text=True, check=True)
    stored, read = json.loads(done.stdout)

    assert 1 < stored < read < 100


@pytest.mark.parametrize("kind", ["session", "token"])
def test_session_size_counts_more_than_the_record(kind: str) -> None:
    from benchmarks.engines import opened
    from benchmarks.session_size import measure

    with opened("sqlite") as engine:
        size = asyncio.run(measure(engine.url, 200, kind))

    assert size.kept > size.record


def test_callback_flood_is_limited_and_ends_no_session() -> None:
    from benchmarks.callback_flood import flood

    found = asyncio.run(flood(300, at_once=150, sessions=20))

    assert found.most_at_once == 100
    assert found.refused + found.requests == 300
    assert found.records == found.requests
    assert found.lifetime <= 600
    assert found.sessions_lost == 0


def test_long_input_measures_every_case() -> None:
    from benchmarks.long_input import run

    found = asyncio.run(run(times=1))

    assert {status for status, _, _ in found.values()} == {200, 302, 303, 400, 401}


def test_purge_fails_no_login_and_deletes_all_expired_records() -> None:
    from benchmarks.purge import purge

    size, log, _, logins = purge(1000)

    assert size > 500_000  # bytes
    assert 0 < log < 64 * 1024 * 1024
    assert [each.failed for each in logins] == [0, 0]


def test_failover_fails_no_write() -> None:
    from benchmarks.failover import fail_over

    require_program("redis-server", "redis-server")
    failed, _, longest = asyncio.run(fail_over("redis"))

    assert failed == 0
    assert longest < 5


def test_subscribers_all_have_a_proof_and_get_each_notice() -> None:
    from benchmarks.subscribers import run

    require_program("redis-server", "redis-server")
    (load,) = run("redis", [3], seconds=0.5)

    assert load.proved == 100
    assert len(load.last) == 5


def test_server_work_measures_each_kind() -> None:
    from benchmarks.server_work import run

    require_program("redis-server", "redis-server")

    assert list(run("redis", 5)) == ["a session", "a token", "a read", "a touch", "a sign-out", "a refresh"]
