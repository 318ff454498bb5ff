"""Four workers need the same expired token at once, repeatedly: how often is it refreshed?"""

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.crowd import Crowd
from benchmarks.engines import opened
from benchmarks.gate import Gate, open_gate
from benchmarks.options import chosen, new_parser
from benchmarks.settings import Settings
from benchmarks.table import print_table
from benchmarks.tokens import expire, sign_in
from benchmarks.workers import Worker, serving

OPEN_ID = "person-0"


@dataclass
class Race:
    """Totals over all rounds. `longest` and `seconds` are in seconds."""

    rounds: int = 0
    requests: int = 0
    right_answers: int = 0
    refreshes: int = 0
    rounds_with_one: int = 0
    invalid_grants: int = 0
    sign_outs: int = 0
    other_errors: int = 0
    longest: float = 0
    seconds: float = 0


def run_race(store: str, *, workers: int = 4, requests: int = 100, rounds: int = 50) -> Race:
    """Run the rounds. In each round every worker gets `requests` requests at once."""
    with opened(store) as engine, open_gate(people=1) as gate, tempfile.TemporaryDirectory() as logs:
        settings = Settings(engine.url, gate.url)
        with serving([settings] * workers, Path(logs)) as running:
            return asyncio.run(play(settings, gate, running, requests, rounds))


async def play(settings: Settings, gate: Gate, workers: list[Worker], requests: int, rounds: int) -> Race:
    race = Race()
    tiktok = settings.new_tiktok()
    crowd = Crowd(workers)
    await sign_in(tiktok, gate.emulator, OPEN_ID)
    began = time.monotonic()
    for _ in range(rounds):
        gate.refreshes.clear()
        await expire(tiktok, OPEN_ID)
        outcome = await crowd.ask_all(OPEN_ID, requests)
        race.rounds += 1
        race.requests += requests * len(workers)
        race.right_answers += max(outcome.tokens.values(), default=0)
        race.refreshes += len(gate.refreshes)
        race.rounds_with_one += len(gate.refreshes) == 1
        race.invalid_grants += sum(refresh.error == "invalid_grant" for refresh in gate.refreshes)
        race.sign_outs += outcome.sign_outs
        race.other_errors += outcome.errors.total() - outcome.sign_outs
        race.longest = max(race.longest, outcome.longest)
    race.seconds = time.monotonic() - began
    await tiktok.aclose()
    return race


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--requests", type=int, default=100, help="requests at once to each worker")
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    rows = []
    for store in chosen(options.store):
        race = run_race(store, workers=options.workers, requests=options.requests, rounds=options.rounds)
        rows.append([store, *vars(race).values()])
    headers = [
        *("store", "rounds", "requests", "got the new token", "refreshes", "rounds with one refresh"),
        *("invalid_grant", "sign-outs", "other errors", "slowest response (s)", "total (s)"),
    ]
    print_table(headers, rows)
