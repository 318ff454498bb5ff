"""Every benchmark in its smallest form: that it works, and finds what must be true at any speed."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import QUICK


def missing(command: str) -> pytest.MarkDecorator:
    """Skips on a machine without the command; in CI the test goes on, and fails."""
    absent = shutil.which(command) is None and "CI" not in os.environ
    return pytest.mark.skipif(absent, reason=f"{command} is not installed: apt-get install {command}")


def test_the_command_lists_them_all() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks"], capture_output=True, text=True, check=True)

    listed = [line.split()[0] for line in done.stdout.splitlines() if line[:2] == "  " and line[2] != " "]
    assert listed == list(QUICK)


def test_everybody_who_is_measured_knows_who_is_there(tmp_path: Path) -> None:
    from benchmarks.overhead import overhead
    from benchmarks.peers import PEERS

    figures = asyncio.run(overhead(tmp_path, rounds=1, times=2))

    assert len({name for name, _ in figures}) == len(PEERS) + 3


@missing("wrk")
def test_the_smallest_site_answers_every_request() -> None:
    from benchmarks.requests_per_second import compete

    runs = compete(["bare", "memory"], rounds=1, seconds=1)

    assert all(run.failed == 0 and run.rate > 0 for each in runs.values() for run in each)


def test_every_login_leads_into_the_site() -> None:
    from benchmarks.logins import run

    results = run(rounds=1, logins=2)

    assert [found.finished for found in results.values()] == [2] * 6


@pytest.mark.parametrize("call", ["token", "api"])
def test_a_storm_refreshes_once(call: str) -> None:
    from benchmarks.refresh_storm import run

    storm = run("sqlite", 100, 1, round_trip=0.01)[call == "api"]

    assert storm.refreshes == 1
    assert storm.served == storm.calls == 100


def test_all_sessions_are_found() -> None:
    from benchmarks.session_read import run

    assert len(run("sqlite", [10, 1000], rounds=1, reads=20)) == 2


def test_importing_us_imports_no_extra() -> None:
    from benchmarks.footprint import OURS, load, optional, sessions

    assert optional(load(OURS)) == []
    assert asyncio.run(sessions(500))[0] > -1


def test_sessions_are_weighed() -> None:
    from benchmarks.engines import opened
    from benchmarks.session_size import measure

    with opened("sqlite") as engine:
        size = asyncio.run(measure(engine.url, 200))

    assert size.kept > size.record
