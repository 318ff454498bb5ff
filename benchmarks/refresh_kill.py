"""The race with a worker killed in each tenth round, or stopped for 20 s while it refreshes: who is signed out?"""

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
from benchmarks.gate import Ambush, Gate, Moment, open_gate
from benchmarks.options import chosen, new_parser
from benchmarks.settings import Settings
from benchmarks.table import print_table
from benchmarks.tokens import expire, sign_in
from benchmarks.workers import Worker, serving

STOPPED = 20  # seconds
GIVEN_UP = 200  # seconds; what takes longer counts as lost


@dataclass(frozen=True, slots=True)
class Strike:
    """What happens to which worker at which moment, and whether the refresh then goes on at TikTok."""

    name: str
    moment: Moment | None
    holder: bool = True
    stops: bool = False
    goes_on: bool = True


STRIKES = (
    Strike("killed: one that waits for the lease", "asked", holder=False),
    Strike("killed: the holder, TikTok never saw its request", "asked", goes_on=False),
    Strike("killed: the holder, TikTok has rotated, no answer yet", "rotated", goes_on=False),
    Strike("killed: the holder, as the answer arrives", "answered"),
    Strike("killed: anybody at any moment", None, holder=False),
    Strike("stopped 20 s: the holder, the answer comes meanwhile", "asked", stops=True),
    Strike("stopped 20 s: the holder, as the answer arrives", "answered", stops=True),
)


@dataclass
class Struck:
    """What happened in the round of the strike, and until everybody had a token again."""

    strike: Strike
    refreshes: int
    invalid_grants: int
    unavailable: int
    lost: int
    in_window: bool
    sign_outs: int
    seconds: float
    plain: int
    plain_with_one: int


class Executioner:
    """Strikes a worker, once, and brings it back."""

    def __init__(self, strike: Strike, workers: list[Worker]) -> None:
        self.strike = strike
        self.workers = workers
        self.victim = 0
        self.struck = Event()
        self.aftermath = Thread()

    def spring(self, holder: int) -> bool:
        candidates = [worker for worker in self.workers if (worker.pid == holder) == self.strike.holder]
        worker = random.choice(candidates)
        self.victim = worker.pid
        back: Callable[[], None]
        if self.strike.stops:
            worker.stop()
            back = worker.resume
        else:
            worker.kill()
            back = worker.restart
        self.aftermath = Timer(STOPPED, back) if self.strike.stops else Thread(target=back)
        self.aftermath.start()
        self.struck.set()
        return self.strike.goes_on

    def finish(self) -> None:
        """Wait until the victim is back."""
        if not self.struck.wait(timeout=STOPPED):
            raise RuntimeError(f"{self.strike.name}: the moment never came.")
        self.aftermath.join()


class Trial:
    """One store, one site of four workers, one person for each strike."""

    def __init__(self, settings: Settings, gate: Gate, workers: list[Worker], requests: int) -> None:
        self.gate = gate
        self.workers = workers
        self.requests = requests
        self.tiktok: TikTok = settings.new_tiktok()
        self.crowd = Crowd(workers)

    async def play(self, open_id: str, strike: Strike, plain: int) -> Struck:
        await sign_in(self.tiktok, self.gate.emulator, open_id)
        with_one = 0
        for _ in range(plain):
            await self.begin(open_id)
            await self.crowd.ask_all(open_id, self.requests)
            with_one += len(self.gate.refreshes) == 1

        before = await self.begin(open_id)
        executioner = Executioner(strike, self.workers)
        began = time.monotonic()
        if strike.moment is None:
            Timer(random.uniform(0.02, 0.3), executioner.spring, (os.getpid(),)).start()
        else:
            self.gate.ambush = Ambush(strike.moment, executioner.spring)
        first = await self.crowd.ask_all(open_id, self.requests)
        in_window = await self.is_in_window(open_id, before, executioner)
        await asyncio.to_thread(executioner.finish)
        _, second = await self.crowd.recover(open_id, GIVEN_UP)
        both = Outcome(first.errors + second.errors, first.tokens + second.tokens)
        return Struck(
            strike,
            refreshes=len(self.gate.refreshes),
            invalid_grants=sum(refresh.error == "invalid_grant" for refresh in self.gate.refreshes),
            unavailable=both.errors.total() - both.errors["lost"] - both.sign_outs,
            lost=both.errors["lost"],
            in_window=in_window,
            sign_outs=int(both.sign_outs > 0),
            seconds=time.monotonic() - began,
            plain=plain,
            plain_with_one=with_one,
        )

    async def begin(self, open_id: str) -> str | None:
        """Let the token end; the refresh token that will be used."""
        self.gate.refreshes.clear()
        await expire(self.tiktok, open_id)
        return await self.refresh_token(open_id)

    async def refresh_token(self, open_id: str) -> str | None:
        kept = await self.tiktok.tokens.load(open_id)
        return kept.token.refresh_token if kept else None

    async def is_in_window(self, open_id: str, before: str | None, executioner: Executioner) -> bool:
        """Whether the new token died with the worker that was killed."""
        rotated = any(r.worker == executioner.victim and r.error is None for r in self.gate.refreshes)
        killed = not executioner.strike.stops
        return killed and rotated and await self.refresh_token(open_id) == before


def run_trial(
    store: str, *, strikes: tuple[Strike, ...] = STRIKES, requests: int = 100, plain: int = 9
) -> list[Struck]:
    """Each strike in the round after so many plain ones."""

    async def play(settings: Settings, gate: Gate, workers: list[Worker]) -> list[Struck]:
        trial = Trial(settings, gate, workers, requests)
        struck = [await trial.play(f"person-{n}", strike, plain) for n, strike in enumerate(strikes)]
        await trial.tiktok.aclose()
        return struck

    with (
        opened(store) as engine,
        open_gate(people=len(strikes)) as gate,
        tempfile.TemporaryDirectory() as logs,
    ):
        settings = Settings(engine.url, gate.url)
        with serving(4, settings, Path(logs)) as workers:
            return asyncio.run(play(settings, gate, workers))


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument("--requests", type=int, default=100, help="at once, to each of four workers")
    parser.add_argument("--plain", type=int, default=9, help="rounds before each strike")
    parser.add_argument("--strike", default="", help="only strikes whose name holds this")
    options = parser.parse_args()
    strikes = tuple(strike for strike in STRIKES if options.strike in strike.name)
    rows: list[list[object]] = []
    for store in chosen(options.store):
        for struck in run_trial(store, strikes=strikes, requests=options.requests, plain=options.plain):
            window = "yes" if struck.in_window else "no"
            rows.append(
                [
                    store,
                    struck.strike.name,
                    f"{struck.plain_with_one} of {struck.plain}",
                    struck.refreshes,
                    struck.invalid_grants,
                    struck.unavailable,
                    struck.lost,
                    window,
                    struck.sign_outs,
                    round(struck.seconds, 1),
                ]
            )
    headers = [
        *("store", "strike", "plain rounds with one refresh", "refreshes", "invalid_grant", "unavailable"),
        *("connections lost", "in the window", "sign-outs", "until it was over (s)"),
    ]
    print_table(headers, rows)


if __name__ == "__main__":
    main()
