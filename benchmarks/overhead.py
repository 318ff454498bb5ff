"""What a request costs more than in a bare app: nobody, somebody, a refusal, a WebSocket; by us and by others."""

import asyncio
import gc
import statistics
import tempfile
import time
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.engines import SERVERS, SQLiteFile, opened
from benchmarks.in_process import SITUATIONS, Situation, ask, spend
from benchmarks.pages import Contender, told
from benchmarks.peers import PEERS, STARLETTE, ours
from benchmarks.table import NONE, print_table

Figures = dict[tuple[str, str], float]  # by contender and situation


async def enter(folder: Path) -> list[Contender]:
    """Everybody who can do without a server, each checked to know whom they should."""
    memory = await ours("memory", "memory://")
    sqlite = await ours("SQLite", SQLiteFile(folder).url)
    guarding = await ours("memory, one path guarded", "memory://", protect=("/studio",))
    contenders = [*(peer() for peer in PEERS), memory, sqlite, guarding]
    for contender in contenders:
        await check(contender)
    return contenders


async def check(contender: Contender) -> None:
    """RuntimeError unless the contender sees who is there, and nobody else."""
    for situation in situations_of(contender):
        wanted = contender.who if situation.signed_in else "401" if situation.path == "/studio" else "nobody"
        found = told(await ask(contender.app, situation.scope(contender.cookie)))
        if found != wanted:
            raise RuntimeError(f"{contender.name}, {situation.name}: {found} in place of {wanted}.")


def situations_of(contender: Contender) -> list[Situation]:
    return [
        situation
        for situation in SITUATIONS
        if (contender.websockets or not situation.websocket) and (contender.guards or situation.path != "/studio")
    ]


async def measure(contenders: Sequence[Contender], *, rounds: int, times: int) -> Figures:
    """The median over all rounds of what each request costs above the bare app, in microseconds."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    gc.collect()
    gc.freeze()  # what was imported is not the garbage of any request
    for number in range(rounds + 1):
        for contender in contenders if number % 2 else reversed(contenders):
            for situation in situations_of(contender):
                scope = situation.scope(contender.cookie)
                bare = await spend(contender.bare, scope, times)
                app = await spend(contender.app, scope, times)
                if number:  # the first round warms up
                    found[contender.name, situation.name].append(app - bare)
    gc.unfreeze()
    return {key: statistics.median(values) for key, values in found.items()}


async def measure_stores(*, rounds: int, times: int) -> list[list[object]]:
    """Signed in, by the clock on the wall, because a store over a network works in another process."""
    situation = next(each for each in SITUATIONS if each.signed_in)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = {"memory": "memory://", "sqlite": SQLiteFile(folder).url}
        urls |= {name: stack.enter_context(opened(name)).url for name in SERVERS}
        contenders = [await ours(name, url) for name, url in urls.items()]
        for contender in contenders:
            stack.push_async_callback(contender.aclose)
        found: dict[str, list[float]] = defaultdict(list)
        for _ in range(rounds):
            for contender in contenders:
                scope = situation.scope(contender.cookie)
                bare = await spend(contender.bare, scope, times, time.perf_counter)
                found[contender.name].append(await spend(contender.app, scope, times, time.perf_counter) - bare)
    return [[name, statistics.median(values)] for name, values in found.items()]


def print_figures(figures: Figures) -> None:
    """All figures, and then their ratios to Starlette's."""
    names = list(dict.fromkeys(name for name, _ in figures))
    situations = [situation.name for situation in SITUATIONS]
    headers = ["who tells it", *situations]
    print_table(headers, [[name, *(figures.get((name, each), NONE) for each in situations)] for name in names])
    ratios: list[list[object]] = []
    for name in names:
        found = [(figures.get((name, each)), figures[STARLETTE, each]) for each in situations]
        ratios.append([name, *(NONE if own is None else own / starlette for own, starlette in found)])
    print(f"\nThe same as a multiple of {STARLETTE}:\n")
    print_table(headers, ratios)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--times", type=int, default=1000, help="requests of each kind in a round")
    parser.add_argument("--instructions", action="store_true", help="count instructions, by valgrind")
    parser.add_argument("--no-servers", action="store_true", help="leave Redis and PostgreSQL out")
    options = parser.parse_args()
    if options.instructions:
        from benchmarks.instructions import count

        print("Instructions above those of the bare app:\n")
        print_figures(count())
        return
    print("Microseconds of the processor above those of the bare app:\n")
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(overhead(Path(folder), rounds=options.rounds, times=options.times))
    print_figures(figures)
    if not options.no_servers:
        print("\nSigned in, by store, on the clock:\n")
        rows = asyncio.run(measure_stores(rounds=options.rounds, times=max(1, options.times // 4)))
        print_table(["store", "above the bare app (µs)"], rows)


async def overhead(folder: Path, *, rounds: int, times: int) -> Figures:
    contenders = await enter(folder)
    figures = await measure(contenders, rounds=rounds, times=times)
    for contender in contenders:
        await contender.aclose()
    return figures
