"""The time to read a session from a store with a thousand, a hundred thousand and a million sessions."""

import asyncio
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from asgi_tiktok import TikTok
from benchmarks.engines import Engine, opened
from benchmarks.filling import fill
from benchmarks.options import chosen, new_parser
from benchmarks.people import SignedIn, people
from benchmarks.settings import Settings
from benchmarks.table import print_table

SAMPLE = 20_000  # sessions whose cookies are kept, evenly spread over all sessions


class Site:
    """A site with many sessions in its store, and the cookies of some of them."""

    def __init__(self, engine: Engine, count: int) -> None:
        self.url = engine.url
        self.count = count
        self.tiktok: TikTok = Settings(engine.url).new_tiktok()
        self.visitors: list[list[tuple[bytes, bytes]]] = []

    async def fill(self) -> None:
        await fill(self.url, self.tiktok._store, self.remembered())

    def remembered(self) -> Iterator[SignedIn]:
        step = max(1, self.count // SAMPLE)
        for number, person in enumerate(people(self.tiktok, self.count)):
            if number % step == 0:
                self.visitors.append(person.headers)
            yield person

    async def read(self, times: int) -> list[float]:
        """Load the sessions of random visitors one after another, and return the seconds of each."""
        load = self.tiktok._sessions.load
        drawn = random.choices(self.visitors, k=times)
        seconds = []
        for headers in drawn:
            # Otherwise a small number of sessions would all stay cached, and a large number would not.
            self.tiktok._memories.memories.clear()
            began = time.perf_counter()
            session = await load(headers)
            seconds.append(time.perf_counter() - began)
            if session is None:
                raise RuntimeError("A session was lost.")
        return seconds


async def measure(sites: Sequence[Site], *, rounds: int, reads: int) -> list[float]:
    """Return the median time to load a session at each site, in microseconds.

    The sites are measured in turn, so that other work on the machine affects all of them alike.
    """
    for site in sites:
        await site.fill()
    for site in sites:
        await site.read(reads)
    seconds: dict[int, list[float]] = {site.count: [] for site in sites}
    for number in range(rounds):
        for site in sites if number % 2 else reversed(sites):
            seconds[site.count].extend(await site.read(reads))
    for site in sites:
        await site.tiktok.aclose()
    return [statistics.median(seconds[site.count]) * 1e6 for site in sites]


def run(store: str, counts: Sequence[int], *, rounds: int, reads: int) -> list[float]:
    """Return the medians for each of these numbers of sessions, each in its own store."""
    with ExitStack() as stack:
        sites = [Site(stack.enter_context(opened(store)), count) for count in counts]
        return asyncio.run(measure(sites, rounds=rounds, reads=reads))


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument(
        "--counts", type=int, nargs="+", default=[1000, 100_000, 1_000_000], help="sessions in a store"
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--reads", type=int, default=500, help="reads in each round from each store")
    options = parser.parse_args()
    rows: list[list[object]] = []
    for store in chosen(options.store):
        medians = run(store, options.counts, rounds=options.rounds, reads=options.reads)
        rows.append([store, *medians, medians[-1] / medians[0]])
    print_table(["store", *(f"p50 among {count:,} (µs)" for count in options.counts), "ratio"], rows)
