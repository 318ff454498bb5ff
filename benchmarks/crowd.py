"""Many visitors at once, and the results of their requests."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.visit import Lost, get
from benchmarks.workers import Worker


@dataclass
class Outcome:
    """What the visitors got: errors by name ("lost" if a worker died), and tokens by their hash."""

    errors: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    longest: float = 0

    @property
    def sign_outs(self) -> int:
        return self.errors["LoginRequired"]


class Crowd:
    """Visitors whose requests all need the token of one user."""

    def __init__(self, workers: list[Worker]) -> None:
        self.workers = workers

    async def ask_all(self, open_id: str, requests: int) -> Outcome:
        """Send this number of requests to each worker, all at once."""
        outcome = Outcome()
        await asyncio.gather(*(self.ask(worker, open_id, outcome) for worker in self.workers * requests))
        return outcome

    async def ask(self, worker: Worker, open_id: str, outcome: Outcome) -> None:
        began = time.monotonic()
        try:
            answer = await get(worker.port, f"/token?open_id={open_id}")
            if "token" in answer.facts:
                outcome.tokens[answer.facts["token"]] += 1
            else:
                outcome.errors[answer.facts.get("error", str(answer.status))] += 1
        except Lost:
            outcome.errors["lost"] += 1
        outcome.longest = max(outcome.longest, time.monotonic() - began)

    async def recover(self, open_id: str, within: float) -> tuple[float, Outcome]:
        """Ask every worker until all of them have a token, or one of them needs a new login.

        Returns the time in seconds, and what the visitors got.
        """
        began = time.monotonic()
        waiting: Iterable[Worker] = self.workers
        total = Outcome()
        while True:
            outcomes = {worker: Outcome() for worker in waiting}
            await asyncio.gather(*(self.ask(worker, open_id, outcome) for worker, outcome in outcomes.items()))
            for outcome in outcomes.values():
                total.errors.update(outcome.errors)
                total.tokens.update(outcome.tokens)
            waiting = [worker for worker, outcome in outcomes.items() if not outcome.tokens]
            took = time.monotonic() - began
            if not waiting or total.sign_outs or took > within:
                return took, total
            await asyncio.sleep(0.5)
