"""Reading a session among a thousand and among a million: what does the crowd cost?"""

import asyncio
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

from asgi_tiktok import TikTok
from benchmarks.engines import Engine, opened
from benchmarks.filling import fill
from benchmarks.options import chosen, new_parser
from benchmarks.people import SignedIn, people
from benchmarks.settings import Settings
from benchmarks.table import print_table

SAMPLE = 20_000  # sessions whose cookies are remembered, evenly spread over all


@dataclass
class Reads:
    """The median time to load a session in each of two stores, in microseconds."""

    few: int
    many: int
    few_p50: float
    many_p50: float
    ratio: float


class Site:
    """A site with many sessions in its store, and the cookies of some."""

    def __init__(self, engine: Engine, count: int) -> None:
        self.url = engine.url
        self.count = count
        self.tiktok: TikTok = Settings(engine.url).new_tiktok()
        self.visitors: list[list[bytes]] = []

    async def fill(self) -> None:
        await fill(self.url, self.tiktok.store, self.remembered())

    def remembered(self) -> Iterator[SignedIn]:
        step = max(1, self.count // SAMPLE)
        for number, person in enumerate(people(self.tiktok, self.count)):
            if number % step == 0:
                self.visitors.append(person.presented)
            yield person

    async def read(self, times: int) -> list[float]:
        """Load sessions one after another, each of a visitor drawn by lot; the seconds of each."""
        load = self.tiktok.sessions.load
        drawn = random.choices(self.visitors, k=times)
        seconds = []
        for presented in drawn:
            began = time.perf_counter()
            session = await load(presented)
            seconds.append(time.perf_counter() - began)
            if session is None:
                raise RuntimeError("A session is lost.")
        return seconds


async def measure(small: Site, large: Site, *, rounds: int, reads: int) -> Reads:
    """Read from both in turn, so that whatever else the machine does hits both alike."""
    await small.fill()
    await large.fill()
    few: list[float] = []
    many: list[float] = []
    for site in (small, large):
        await site.read(reads)
    for number in range(rounds):
        turns = [(small, few), (large, many)]
        for site, seconds in turns if number % 2 else reversed(turns):
            seconds.extend(await site.read(reads))
    for site in (small, large):
        await site.tiktok.aclose()
    medians = [statistics.median(seconds) * 1e6 for seconds in (few, many)]
    return Reads(small.count, large.count, medians[0], medians[1], medians[1] / medians[0])


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--reads", type=int, default=500, help="in each round, from each store")
    options = parser.parse_args()
    rows = []
    for store in chosen(options.store):
        with opened(store) as engine, opened(store) as other:
            sites = Site(engine, options.few), Site(other, options.many)
            reads = asyncio.run(measure(*sites, rounds=options.rounds, reads=options.reads))
        rows.append([store, *vars(reads).values()])
    print_table(["store", "few", "many", "p50 of few (µs)", "p50 of many (µs)", "ratio"], rows)
