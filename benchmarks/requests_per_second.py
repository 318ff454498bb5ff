"""Requests per second of the smallest site on uvicorn, driven by wrk: bare, and behind us with each store."""

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
from benchmarks.table import print_table
from benchmarks.trivial import PEERS, SERVERS, STORES

CONNECTIONS = 16
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Served:
    """A site in a process of its own, and the cookie of somebody who is signed in to it."""

    name: str
    port: int
    pid: int
    who: str
    cookie: str

    def processor(self) -> float:
        """Seconds of the processor that the process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK


@dataclass(frozen=True, slots=True)
class Run:
    """What one site did for a while."""

    rate: float
    cost: float  # microseconds of the processor for each request
    failed: int


@contextmanager
def serving(server: str, name: str, url: str, folder: Path) -> Iterator[Served]:
    """The site of this contender, with sessions in the store at this URL."""
    log = folder / f"{name}.log"
    with listening([sys.executable, "-m", "benchmarks.trivial", server, name, url], log, os.environ) as (port, pid):
        served = Served(name, port, pid, *log.read_text().split())
        check(served)
        yield served


def check(served: Served) -> None:
    """RuntimeError unless the site knows who is there."""
    answer = httpx2.get(f"http://127.0.0.1:{served.port}", headers={"cookie": served.cookie}, trust_env=False)
    if answer.text != served.who:
        raise RuntimeError(f"{served.name} took {served.who} for {answer.text}.")


def drive(served: Served, cookie: str, seconds: int) -> Run:
    """Let wrk ask as fast as it gets answers, from one thread."""
    load = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-H", f"Cookie: {cookie}"]
    command = ["wrk", *load, f"http://127.0.0.1:{served.port}/"]
    before, began = served.processor(), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    took, spent = time.monotonic() - began, served.processor() - before
    found = re.search(r"(\d+) requests in", done.stdout)
    assert found is not None
    count = int(found[1])
    failed = sum(map(int, re.findall(r"(?:responses:|connect|read|write|timeout) (\d+)", done.stdout)))
    return Run(count / took, spent / count * 1e6, failed)


def compete(
    names: Sequence[str], *, rounds: int, seconds: int, server: str = "standard"
) -> dict[tuple[str, str], list[Run]]:
    """The runs of each site and visitor, in rounds, so that whatever else the machine does hits all alike."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing; on Debian: apt-get install wrk")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = {name: stack.enter_context(opened(name)).url if name in ENGINES else "memory://" for name in names}
        sites = [stack.enter_context(serving(server, name, url, folder)) for name, url in urls.items()]
        runs: dict[tuple[str, str], list[Run]] = {
            (name, who): [] for name in names for who in ("anonymous", "signed in")
        }
        for number in range(rounds + 1):
            for site in sites if number % 2 else reversed(sites):
                cookies = {"anonymous": OTHERS, "signed in": f"{OTHERS}; {site.cookie}"}
                for who, cookie in cookies.items():
                    run = drive(site, cookie, seconds)
                    if number:  # the first round warms up
                        runs[site.name, who].append(run)
    return runs


def main() -> None:
    parser = new_parser(__doc__, stores=STORES)
    parser.add_argument("--server", choices=SERVERS, default="standard", help="uvicorn with uvloop, or without")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2, help="for each site and visitor in a round")
    options = parser.parse_args()
    names = [*PEERS, *chosen(options.store, STORES)]
    runs = compete(names, rounds=options.rounds, seconds=options.seconds, server=options.server)
    rows: list[list[object]] = []
    for (name, who), own in runs.items():
        # Its own round's bare app, asked with the same cookies as far as it has any.
        pairs = list(zip(own, runs["bare", who], strict=True))
        rate, cost = statistics.median(run.rate for run in own), statistics.median(run.cost for run in own)
        share = statistics.median(run.rate / bare.rate for run, bare in pairs)
        shares = statistics.median(bare.cost / run.cost for run, bare in pairs)
        rows.append([name, who, round(rate), share, cost, shares, sum(run.failed for run in own)])
    headers = [
        *("behind", "visitor", "requests per second", "of the bare app's", "processor for each (µs)"),
        *("the bare app's as a share of it", "failed"),
    ]
    print_table(headers, rows)
