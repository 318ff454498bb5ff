"""Requests per second of the smallest site on uvicorn: without middleware, and behind each contender."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from benchmarks.engines import ENGINES, opened
from benchmarks.in_process import OTHERS
from benchmarks.listening import listening
from benchmarks.options import chosen, new_parser
from benchmarks.peers import WITHOUT_MEMORY
from benchmarks.processes import cpu_time
from benchmarks.table import print_table
from benchmarks.trivial import PEERS, SERVERS, STORES

CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Served:
    """A site in its own process, and the cookie of a visitor who is signed in to it."""

    name: str
    port: int
    pid: int
    who: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Run:
    """The requests per second of one site in one run, their cost, and how many failed."""

    rate: float
    cost: float  # microseconds of CPU time for each request
    failed: int


@contextmanager
def serving(server: str, name: str, url: str, folder: Path) -> Iterator[Served]:
    """Run the site of this contender, with sessions in the store at this URL, until the block ends."""
    log = folder / f"{name}.log"
    with listening([sys.executable, "-m", "benchmarks.trivial", server, name, url], log, os.environ) as (port, pid):
        served = Served(name, port, pid, *log.read_text().split())
        check(served)
        yield served


def check(served: Served) -> None:
    """Raise RuntimeError unless the site recognises the visitor."""
    answer = httpx2.get(f"http://127.0.0.1:{served.port}", headers={"cookie": served.cookie}, trust_env=False)
    if answer.text != served.who:
        raise RuntimeError(f"{served.name}: {answer.text} instead of {served.who}.")


def drive(served: Served, cookie: str, seconds: int) -> Run:
    """Send requests with wrk as fast as the site answers, from one thread."""
    load = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-H", f"Cookie: {cookie}"]
    command = ["wrk", *load, f"http://127.0.0.1:{served.port}/"]
    before, began = cpu_time(served.pid), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    took, spent = time.monotonic() - began, cpu_time(served.pid) - before
    found = re.search(r"(\d+) requests in", done.stdout)
    assert found is not None
    count = int(found[1])
    failed = sum(map(int, re.findall(r"(?:responses:|connect|read|write|timeout) (\d+)", done.stdout)))
    return Run(count / took, spent / count * 1e6, failed)


def compete(
    names: Sequence[str], *, rounds: int, seconds: int, server: str = "standard"
) -> dict[tuple[str, str], list[Run]]:
    """Return the runs of each site and visitor.

    The sites are measured in turn, so that other work on the machine affects all of them alike.
    """
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed. On Debian: apt-get install wrk")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stores = {name: name.removesuffix(WITHOUT_MEMORY) for name in names}
        urls = {store: stack.enter_context(opened(store)).url for store in {*stores.values()} & {*ENGINES}}
        sites = [
            stack.enter_context(serving(server, name, urls.get(store, "memory://"), folder))
            for name, store in stores.items()
        ]
        runs: dict[tuple[str, str], list[Run]] = {
            (name, who): [] for name in names for who in ("anonymous", "signed in")
        }
        for number in range(rounds + 1):
            for site in sites if number % 2 else reversed(sites):
                cookies = {"anonymous": OTHERS, "signed in": f"{OTHERS}; {site.cookie}"}
                for who, cookie in cookies.items():
                    run = drive(site, cookie, seconds)
                    if number:  # the first round is the warm-up
                        runs[site.name, who].append(run)
    return runs


def main() -> None:
    parser = new_parser(__doc__, stores=STORES)
    parser.add_argument("--server", choices=SERVERS, default="standard", help="uvicorn with uvloop, or without")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2, help="seconds for each site and visitor in a round")
    options = parser.parse_args()
    stores = chosen(options.store, STORES)
    names = [*PEERS, *(store + suffix for store in stores for suffix in ("", WITHOUT_MEMORY))]
    runs = compete(names, rounds=options.rounds, seconds=options.seconds, server=options.server)
    rows: list[list[object]] = []
    for (name, who), own in runs.items():
        # Compare with the bare app in the same round, with cookies of the same length.
        pairs = list(zip(own, runs["bare", who], strict=True))
        rate, cost = statistics.median(run.rate for run in own), statistics.median(run.cost for run in own)
        share = statistics.median(run.rate / bare.rate for run, bare in pairs)
        shares = statistics.median(bare.cost / run.cost for run, bare in pairs)
        rows.append([name, who, round(rate), share, cost, shares, sum(run.failed for run in own)])
    headers = [
        *("middleware", "visitor", "requests per second", "relative to bare", "CPU per request (µs)"),
        *("bare app's share of it", "failed"),
    ]
    print_table(headers, rows)
