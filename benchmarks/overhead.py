"""The cost of a request in addition to a bare app, compared with other libraries."""

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

from starlette.types import ASGIApp, Scope

from benchmarks.engines import SERVERS, SQLiteFile, opened
from benchmarks.in_process import SITUATIONS, Situation, ask, spend
from benchmarks.pages import Contender, told
from benchmarks.peers import PEERS, STARLETTE, ours, starlette
from benchmarks.table import NONE, print_table

DISPLAYED = {"redis": "Redis", "postgresql": "PostgreSQL"}
PAUSE = 0.05  # seconds
Figures = dict[tuple[str, str], float]  # by the names of a contender and a situation


async def enter(folder: Path) -> list[Contender]:
    """Return all contenders that need no server, after a check that they recognise the visitor."""
    memory = await ours("memory", "memory://")
    sqlite = await ours("SQLite", SQLiteFile(folder).url)
    guarding = await ours("memory, one protected path", "memory://", protect=("/studio",))
    contenders = [*(peer() for peer in PEERS), memory, sqlite, guarding]
    for contender in contenders:
        await check(contender)
    return contenders


async def check(contender: Contender) -> None:
    """Raise RuntimeError unless the contender recognises exactly the right visitor."""
    for situation in situations_of(contender):
        wanted = contender.who if situation.signed_in else "401" if situation.path == "/studio" else "nobody"
        found = told(await ask(contender.app, situation.scope(contender.cookie)))
        if found != wanted:
            raise RuntimeError(f"{contender.name}, {situation.name}: {found} instead of {wanted}.")


def situations_of(contender: Contender) -> list[Situation]:
    return [
        situation
        for situation in SITUATIONS
        if (contender.websockets or not situation.websocket) and (contender.guards or situation.path != "/studio")
    ]


async def measure(contenders: Sequence[Contender], *, rounds: int, times: int) -> Figures:
    """Return the microseconds of each request in addition to the bare app, as the median of all rounds."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    gc.collect()
    gc.freeze()  # imported modules must not slow down the collections during requests
    for number in range(rounds + 1):
        for contender in contenders if number % 2 else reversed(contenders):
            for situation in situations_of(contender):
                scope = situation.scope(contender.cookie)
                bare = await spend(contender.bare, scope, times)
                app = await spend(contender.app, scope, times)
                if number:  # the first round is the warm-up
                    found[contender.name, situation.name].append(app - bare)
    gc.unfreeze()
    return {key: statistics.median(values) for key, values in found.items()}


async def spent(app: ASGIApp, scope: Scope, times: int) -> tuple[float, float]:
    """Return the microseconds of CPU time of this process, and of wall time, that one request takes."""
    began = time.process_time()
    wall = await spend(app, scope, times, time.perf_counter)
    return (time.process_time() - began) / times * 1e6, wall


async def measure_stores(*, rounds: int, times: int) -> list[list[object]]:
    """Measure signed-in requests on each store, with and without session memory.

    Returns for each: the CPU time of this process, its ratio to Starlette's, and the wall time, which includes the
    work of a store in another process. All are medians.
    """
    situation = next(each for each in SITUATIONS if each.signed_in)
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = {"memory": "memory://", "SQLite": SQLiteFile(folder).url}
        urls |= {DISPLAYED[name]: stack.enter_context(opened(name)).url for name in SERVERS}
        contenders = [
            starlette(),
            *[await ours(name, url, memory=on) for name, url in urls.items() for on in (True, False)],
        ]
        for contender in contenders:
            stack.push_async_callback(contender.aclose)
        for number in range(rounds + 1):
            costs: dict[str, tuple[float, float]] = {}
            for contender in contenders if number % 2 else reversed(contenders):
                # A server waits for requests, and meanwhile its event loop receives the echoes.
                await asyncio.sleep(PAUSE)
                scope = situation.scope(contender.cookie)
                bare, app = [await spent(each, scope, times) for each in (contender.bare, contender.app)]
                costs[contender.name] = app[0] - bare[0], app[1] - bare[1]
            for name, (cpu, wall) in costs.items():
                if number:  # the first round is the warm-up
                    found[name].append((cpu, cpu / costs[STARLETTE][0], wall))
    return [[name, *map(statistics.median, zip(*rows, strict=True))] for name, rows in found.items()]


def print_figures(figures: Figures) -> None:
    """Print all figures, and then their ratios to Starlette's."""
    names = list(dict.fromkeys(name for name, _ in figures))
    situations = [situation.name for situation in SITUATIONS]
    headers = ["implementation", *situations]
    print_table(headers, [[name, *(figures.get((name, each), NONE) for each in situations)] for name in names])
    ratios: list[list[object]] = []
    for name in names:
        found = [(figures.get((name, each)), figures[STARLETTE, each]) for each in situations]
        ratios.append([name, *(NONE if own is None else own / starlette for own, starlette in found)])
    print(f"\nRelative to {STARLETTE}:\n")
    print_table(headers, ratios)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--times", type=int, default=1000, help="requests of each kind in a round")
    parser.add_argument("--instructions", action="store_true", help="count instructions with valgrind")
    parser.add_argument("--no-servers", action="store_true", help="leave out Redis and PostgreSQL")
    options = parser.parse_args()
    if options.instructions:
        from benchmarks.instructions import count

        print("Instructions in addition to the bare app:\n")
        print_figures(count())
        return
    print("Microseconds of CPU time in addition to the bare app:\n")
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(overhead(Path(folder), rounds=options.rounds, times=options.times))
    print_figures(figures)
    if not options.no_servers:
        print("\nSigned in, by store:\n")
        rows = asyncio.run(measure_stores(rounds=options.rounds, times=max(1, options.times // 4)))
        print_table(["implementation", "CPU (µs)", f"relative to {STARLETTE}", "wall time (µs)"], rows)


async def overhead(folder: Path, *, rounds: int, times: int) -> Figures:
    """Measure all contenders that need no server."""
    contenders = await enter(folder)
    figures = await measure(contenders, rounds=rounds, times=times)
    for contender in contenders:
        await contender.aclose()
    return figures
