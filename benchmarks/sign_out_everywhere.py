"""Sessions that end in one process: the time until the others refuse them, also without a working channel."""

import asyncio
import random
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.engines import SERVERS, Engine, opened
from benchmarks.options import chosen, new_parser
from benchmarks.people import people
from benchmarks.settings import Settings
from benchmarks.sign_outs import Browser, Seen, Site
from benchmarks.table import print_table
from benchmarks.workers import serving
from tests.support.relay import CALM, Fault, Relay, relaying

WORKERS = 4
LIVING = 20  # sessions that do not end
MAX_RECOVERY = 30  # seconds
FAULTS = {
    "channel cut": Fault(cut=True, channels_only=True),
    "channel delayed by 0.3 s": Fault(delay=0.3, channels_only=True),
    "channel delayed by 3 s": Fault(delay=3, channels_only=True),
    "channel black-holed": Fault(silent=True, channels_only=True),
    "all connections cut": Fault(cut=True),
    "all connections delayed by 0.3 s": Fault(delay=0.3),
    "all connections black-holed": Fault(silent=True),
    "only requests pass": Fault(silent=True, passes="requests"),
    "only answers pass": Fault(silent=True, passes="answers"),
}
KILLED = "store killed"


@dataclass(frozen=True)
class Plan:
    """How long the benchmark runs."""

    sign_outs: int = 1000
    rounds: int = 5  # of each fault
    at_fault: int = 10  # sign-outs in each round


class Trial:
    """A site whose first worker reaches the store directly, and the others through a relay."""

    def __init__(self, engine: Engine, relay: Relay, site: Site, browsers: list[Browser]) -> None:
        self.engine = engine
        self.relay = relay
        self.site = site
        self.browsers = browsers  # that have not visited yet
        self.bound = site.bound / 1000

    async def sign_in(self, count: int) -> list[Browser]:
        """Return browsers whose sessions all workers keep in memory."""
        fresh = [self.browsers.pop() for _ in range(count)]
        self.site.living.extend(fresh)
        await self.site.warm_up(fresh)
        return fresh

    async def calm(self, count: int) -> Seen:
        """Let browsers sign out one after another."""
        self.site.seen = Seen(self.site.bound)
        for _ in range(count):
            for browser in await self.sign_in(1):
                await self.site.sign_out(browser)
        return self.site.seen

    async def faulty(self, name: str, plan: Plan) -> Seen:
        """Let browsers sign out while the fault lasts, or just before the store is killed."""
        self.site.seen = Seen(self.site.bound)
        for _ in range(plan.rounds):
            browsers = await self.sign_in(plan.at_fault)
            began = time.monotonic()
            if name == KILLED:
                await self.kill_after(browsers)
            else:
                self.relay.break_down(FAULTS[name])
                await asyncio.gather(*(self.sign_out_soon(browser) for browser in browsers))
            await asyncio.sleep(began + 2 * self.bound - time.monotonic())
            if name == KILLED:
                await asyncio.to_thread(self.engine.start)
            self.relay.break_down(CALM)
            await self.recover()
        return self.site.seen

    async def sign_out_soon(self, browser: Browser) -> None:
        await asyncio.sleep(random.uniform(0, 1.5 * self.bound))
        await self.site.sign_out(browser)

    async def kill_after(self, browsers: list[Browser]) -> None:
        """Kill the store as soon as it has confirmed the sign-outs."""
        polls = [self.site.start_polls(browser) for browser in browsers]
        await asyncio.gather(*(self.site.end(browser) for browser in browsers))
        await asyncio.to_thread(self.engine.kill)
        await asyncio.gather(*map(self.site.wait_until_refused, browsers, polls))

    async def recover(self) -> None:
        """Wait until all workers reach the store again, and their channels too."""
        async with asyncio.timeout(MAX_RECOVERY):
            while not await self.site.visit_all(self.site.living[0]):
                await asyncio.sleep(0.05)
        await asyncio.sleep(2 * self.bound)  # a channel waits up to this long before it subscribes again


@asynccontextmanager
async def running(engine: Engine, count: int) -> AsyncIterator[Trial]:
    """Run four workers under load, with `count` sessions that can end, until the end of the block."""
    port = urlsplit(engine.url).port or 0
    async with relaying(port) as relay:
        direct = Settings(engine.url)
        behind = Settings(engine.url.replace(f":{port}/", f":{relay.port}/"), secret_key=direct.secret_key)
        tiktok = direct.new_tiktok()
        visitors = list(people(tiktok, count + LIVING))
        for each in visitors:
            await tiktok._store.set(each.key, each.value, ttl=each.ttl, owner=each.owner)
        bound = tiktok._sessions.memories.bound
        await tiktok.aclose()
        browsers = [Browser(each.cookie) for each in visitors]
        with tempfile.TemporaryDirectory() as logs:
            context = serving([direct, *[behind] * (WORKERS - 1)], Path(logs))
            workers = await asyncio.to_thread(context.__enter__)
            try:
                site = Site([worker.port for worker in workers], bound)
                trial = Trial(engine, relay, site, browsers)
                await trial.sign_in(LIVING)
                load = [asyncio.create_task(site.load(port)) for port in site.ports]
                yield trial
                for task in load:
                    task.cancel()
                for ended in await asyncio.gather(*load, return_exceptions=True):
                    if isinstance(ended, Exception):
                        raise ended
            finally:
                await asyncio.to_thread(context.__exit__, None, None, None)


async def measure(engine: Engine, faults: list[str], plan: Plan) -> dict[str, Seen]:
    """Return what the browsers saw in calm operation, and during each fault."""
    async with running(engine, plan.sign_outs + len(faults) * plan.rounds * plan.at_fault) as trial:
        found = {"none": await trial.calm(plan.sign_outs)}
        for name in faults:
            found[name] = await trial.faulty(name, plan)
        await trial.site.check()
    return found


def run(store: str, faults: list[str], plan: Plan) -> dict[str, Seen]:
    """Run the benchmark on a new server."""
    with opened(store) as engine:
        return asyncio.run(measure(engine, faults, plan))


def main() -> None:
    parser: ArgumentParser = new_parser(__doc__, stores=SERVERS)
    names = [*FAULTS, KILLED]
    parser.add_argument("--sign-outs", type=int, default=Plan.sign_outs, help="in calm operation")
    parser.add_argument("--rounds", type=int, default=Plan.rounds, help="rounds of each fault")
    parser.add_argument("--at-fault", type=int, default=Plan.at_fault, help="sign-outs in each round of a fault")
    parser.add_argument("--fault", choices=names, nargs="*", default=names)
    options = parser.parse_args()
    plan = Plan(options.sign_outs, options.rounds, options.at_fault)
    rows: list[list[object]] = []
    for store in chosen(options.store, SERVERS):
        found = run(store, options.fault, plan)
        rows += [[store, fault, *seen.facts()] for fault, seen in found.items()]
    headers = [
        *("store", "fault", "sign-outs", "requests", "refused after, p50 (ms)", "p99 (ms)", "max (ms)"),
        *("last served (ms)", "bound (ms)", "served beyond the bound", "living sessions lost"),
    ]
    print_table(headers, rows)
