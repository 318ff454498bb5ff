"""Redis or PostgreSQL is killed and restarted under load: does any visitor lose their session or get another's?"""

import asyncio
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from asgi_tiktok import StoreError, TikTok
from benchmarks.engines import SERVERS, Engine, opened
from benchmarks.options import chosen, new_parser
from benchmarks.people import new_user
from benchmarks.settings import Settings
from benchmarks.table import print_table
from benchmarks.visit import Lost, get
from benchmarks.workers import Worker, serving

RATE = 50  # requests per second
USERS = 10  # at the start; one more signs in every second
UP = 4  # seconds before each outage
DOWN = 6  # seconds of each outage
MAX_RECOVERY = 15  # seconds until a protected page must be served again


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in visitor and their session cookie."""

    open_id: str
    cookie: str


@dataclass
class Outage:
    """What the visitors saw, in total over all outages. Times are in seconds."""

    outages: int = 0
    signed_in: int = 0
    anonymous: int = 0
    refused: int = 0
    wrong_user: int = 0
    wrong_status: int = 0
    unanswered: int = 0
    longest: float = 0
    back_after: float = 0
    sessions: int = 0
    sessions_lost: int = 0
    strange: Counter[str] = field(default_factory=Counter)


class Load:
    """Visitors who make requests, half of them to a protected page."""

    def __init__(self, tiktok: TikTok, worker: Worker) -> None:
        self.tiktok = tiktok
        self.worker = worker
        self.visitors: list[Visitor] = []
        self.outage = Outage()

    async def sign_in(self) -> None:
        """Create a session. If the store confirms it, it must never be lost."""
        user = new_user()
        try:
            _, (_, value) = await self.tiktok._sessions.create(user, ("user.info.basic",), {})
        except StoreError:
            return
        self.visitors.append(Visitor(user.open_id, value.split(b";")[0].decode()))

    async def visit(self, number: int) -> None:
        visitor = self.visitors[number // 2 % len(self.visitors)]
        path = "/studio" if number % 2 else "/"
        began = time.monotonic()
        try:
            answer = await get(self.worker.port, path, cookie=visitor.cookie)
        except Lost:
            self.outage.unanswered += 1
            return
        finally:
            self.outage.longest = max(self.outage.longest, time.monotonic() - began)
        who = answer.facts.get("who")
        if answer.status == 200 and who == visitor.open_id:
            self.outage.signed_in += 1
        elif answer.status == 200 and who:
            self.outage.wrong_user += 1
        elif answer.status == 200 and path == "/":
            self.outage.anonymous += 1
        elif answer.status == 503 and path == "/studio":
            self.outage.refused += 1
        else:
            self.outage.wrong_status += 1
            self.outage.strange[f"{path} {answer.status}"] += 1

    async def run(self, until: asyncio.Event) -> None:
        """Send fifty requests per second, without waiting for the responses."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            for number in count():
                if until.is_set():
                    return
                group.create_task(self.visit(number))
                if number % RATE == 0:
                    group.create_task(self.sign_in())
                await asyncio.sleep(max(0, began + (number + 1) / RATE - loop.time()))

    async def is_well(self) -> bool:
        answer = await get(self.worker.port, "/studio", cookie=self.visitors[0].cookie)
        return answer.status == 200

    async def lost(self) -> int:
        """Return how many of the visitors who signed in are anonymous now."""
        lost = 0
        for visitor in self.visitors:
            answer = await get(self.worker.port, "/", cookie=visitor.cookie)
            lost += answer.facts.get("who") != visitor.open_id
        return lost


async def play(engine: Engine, settings: Settings, worker: Worker, rounds: int) -> Outage:
    load = Load(settings.new_tiktok(), worker)
    for _ in range(USERS):
        await load.sign_in()
    end = asyncio.Event()
    traffic = asyncio.create_task(load.run(end))
    for _ in range(rounds):
        await asyncio.sleep(UP)
        await asyncio.to_thread(engine.kill)
        await asyncio.sleep(DOWN)
        await asyncio.to_thread(engine.start)
        load.outage.back_after = max(load.outage.back_after, await recover(load))
        load.outage.outages += 1
    await asyncio.sleep(UP)
    end.set()
    await traffic
    load.outage.sessions = len(load.visitors)
    load.outage.sessions_lost = await load.lost()
    await load.tiktok.aclose()
    return load.outage


async def recover(load: Load) -> float:
    """Return the seconds until a protected page is served again."""
    began = time.monotonic()
    async with asyncio.timeout(MAX_RECOVERY):
        while True:
            if await load.is_well():
                return time.monotonic() - began
            await asyncio.sleep(0.05)


def run_outage(store: str, *, rounds: int = 3) -> Outage:
    """Run the outages one after another, with one worker."""
    with opened(store) as engine, tempfile.TemporaryDirectory() as logs:
        settings = Settings(engine.url)
        with serving([settings], Path(logs)) as workers:
            return asyncio.run(play(engine, settings, workers[0], rounds))


def main() -> None:
    parser = new_parser(__doc__, stores=SERVERS)
    parser.add_argument("--rounds", type=int, default=3, help="number of outages")
    options = parser.parse_args()
    rows: list[list[object]] = []
    for store in chosen(options.store, SERVERS):
        outage = run_outage(store, rounds=options.rounds)
        if outage.strange:
            print(f"{store}, unexpected responses: {dict(outage.strange)}")
        rows.append([store, *list(vars(outage).values())[:-1]])
    headers = [
        *("store", "outages", "200, correct user", "public page, anonymous", "protected page, 503", "wrong user"),
        *("other status", "no response", "slowest response (s)", "recovery (s)", "sessions", "sessions lost"),
    ]
    print_table(headers, rows)
