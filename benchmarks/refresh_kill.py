"""A worker is killed or paused during a refresh: does any user lose their sign-in?"""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread, Timer

from asgi_tiktok import TikTok
from benchmarks.crowd import Crowd, Outcome
from benchmarks.engines import opened
from benchmarks.gate import Gate, Moment, Trigger, open_gate
from benchmarks.options import chosen, new_parser
from benchmarks.settings import Settings
from benchmarks.table import print_table
from benchmarks.tokens import expire, sign_in
from benchmarks.workers import Worker, serving

PAUSE = 20  # seconds
MAX_RECOVERY = 200  # seconds


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to which worker at which moment of a refresh.

    `holder` is whether the fault hits the worker that holds the lease, or another one. `pauses` is whether the worker
    is paused instead of killed. `continues` is whether the refresh continues at TikTok. Without a moment, the fault
    hits a random worker at a random time.
    """

    name: str
    moment: Moment | None
    holder: bool = True
    pauses: bool = False
    continues: bool = True


FAULTS = (
    Fault("killed: a worker that waits for the lease", "asked", holder=False),
    Fault("killed: the lease holder, before TikTok gets the request", "asked", continues=False),
    Fault("killed: the lease holder, after TikTok has rotated", "rotated", continues=False),
    Fault("killed: the lease holder, when the response arrives", "answered"),
    Fault("killed: a random worker at a random time", None, holder=False),
    Fault("paused 20 s: the lease holder, before the response arrives", "asked", pauses=True),
    Fault("paused 20 s: the lease holder, when the response arrives", "answered", pauses=True),
)


@dataclass
class Result:
    """What happened in the round of the fault, and until every worker had a token again."""

    fault: Fault
    refreshes: int
    invalid_grants: int
    unavailable: int
    lost: int
    in_window: bool
    sign_outs: int
    seconds: float
    undisturbed: int
    undisturbed_with_one: int


class FaultInjector:
    """Kills or pauses one worker, once, and brings it back."""

    def __init__(self, fault: Fault, workers: list[Worker]) -> None:
        self.fault = fault
        self.workers = workers
        self.victim = 0
        self.injected = Event()
        self.recovery = Thread()

    def inject(self, holder: int) -> bool:
        candidates = [worker for worker in self.workers if (worker.pid == holder) == self.fault.holder]
        worker = random.choice(candidates)
        self.victim = worker.pid
        back: Callable[[], None]
        if self.fault.pauses:
            worker.stop()
            back = worker.resume
        else:
            worker.kill()
            back = worker.restart
        self.recovery = Timer(PAUSE, back) if self.fault.pauses else Thread(target=back)
        self.recovery.start()
        self.injected.set()
        return self.fault.continues

    def finish(self) -> None:
        """Wait until the worker is back."""
        if not self.injected.wait(timeout=PAUSE):
            raise RuntimeError(f"{self.fault.name}: no refresh reached this moment.")
        self.recovery.join()


class Trial:
    """One store, one site with four workers, and one user for each fault."""

    def __init__(self, settings: Settings, gate: Gate, workers: list[Worker], requests: int) -> None:
        self.gate = gate
        self.workers = workers
        self.requests = requests
        self.tiktok: TikTok = settings.new_tiktok()
        self.crowd = Crowd(workers)

    async def play(self, open_id: str, fault: Fault, undisturbed: int) -> Result:
        await sign_in(self.tiktok, self.gate.emulator, open_id)
        with_one = 0
        for _ in range(undisturbed):
            await self.begin(open_id)
            await self.crowd.ask_all(open_id, self.requests)
            with_one += len(self.gate.refreshes) == 1

        before = await self.begin(open_id)
        injector = FaultInjector(fault, self.workers)
        began = time.monotonic()
        if fault.moment is None:
            Timer(random.uniform(0.02, 0.3), injector.inject, (os.getpid(),)).start()
        else:
            self.gate.trigger = Trigger(fault.moment, injector.inject)
        first = await self.crowd.ask_all(open_id, self.requests)
        in_window = await self.is_in_window(open_id, before, injector)
        await asyncio.to_thread(injector.finish)
        _, second = await self.crowd.recover(open_id, MAX_RECOVERY)
        both = Outcome(first.errors + second.errors, first.tokens + second.tokens)
        return Result(
            fault,
            refreshes=len(self.gate.refreshes),
            invalid_grants=sum(refresh.error == "invalid_grant" for refresh in self.gate.refreshes),
            unavailable=both.errors.total() - both.errors["lost"] - both.sign_outs,
            lost=both.errors["lost"],
            in_window=in_window,
            sign_outs=int(both.sign_outs > 0),
            seconds=time.monotonic() - began,
            undisturbed=undisturbed,
            undisturbed_with_one=with_one,
        )

    async def begin(self, open_id: str) -> str | None:
        """Let the access token expire, and return the refresh token that will be used."""
        self.gate.refreshes.clear()
        await expire(self.tiktok, open_id)
        return await self.refresh_token(open_id)

    async def refresh_token(self, open_id: str) -> str | None:
        kept = await self.tiktok._tokens.records.load(open_id)
        return kept.token.refresh_token if kept else None

    async def is_in_window(self, open_id: str, before: str | None, injector: FaultInjector) -> bool:
        """Return whether the new token was lost with the killed worker."""
        rotated = any(r.worker == injector.victim and r.error is None for r in self.gate.refreshes)
        killed = not injector.fault.pauses
        return killed and rotated and await self.refresh_token(open_id) == before


def run_trial(
    store: str, *, faults: tuple[Fault, ...] = FAULTS, requests: int = 100, undisturbed: int = 9
) -> list[Result]:
    """Inject each fault in the round after this number of undisturbed rounds."""

    async def play(settings: Settings, gate: Gate, workers: list[Worker]) -> list[Result]:
        trial = Trial(settings, gate, workers, requests)
        results = [await trial.play(f"person-{n}", fault, undisturbed) for n, fault in enumerate(faults)]
        await trial.tiktok.aclose()
        return results

    with (
        opened(store) as engine,
        open_gate(people=len(faults)) as gate,
        tempfile.TemporaryDirectory() as logs,
    ):
        settings = Settings(engine.url, gate.url)
        with serving([settings] * 4, Path(logs)) as workers:
            return asyncio.run(play(settings, gate, workers))


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument("--requests", type=int, default=100, help="requests at once to each of four workers")
    parser.add_argument("--undisturbed", type=int, default=9, help="undisturbed rounds before each fault")
    parser.add_argument("--fault", default="", help="only faults whose name contains this")
    options = parser.parse_args()
    faults = tuple(fault for fault in FAULTS if options.fault in fault.name)
    rows: list[list[object]] = []
    for store in chosen(options.store):
        for result in run_trial(store, faults=faults, requests=options.requests, undisturbed=options.undisturbed):
            window = "yes" if result.in_window else "no"
            rows.append(
                [
                    store,
                    result.fault.name,
                    f"{result.undisturbed_with_one} of {result.undisturbed}",
                    result.refreshes,
                    result.invalid_grants,
                    result.unavailable,
                    result.lost,
                    window,
                    result.sign_outs,
                    round(result.seconds, 1),
                ]
            )
    headers = [
        *("store", "fault", "undisturbed rounds with one refresh", "refreshes", "invalid_grant", "unavailable"),
        *("connections lost", "token lost in the window", "sign-outs", "recovery (s)"),
    ]
    print_table(headers, rows)


if __name__ == "__main__":
    main()
