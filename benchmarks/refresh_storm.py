"""A thousand calls at once need the same expired token: how often is it refreshed, and how long do they wait?"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx2
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok import TikTok
from asgi_tiktok.emulator import CAST, Emulator
from benchmarks.engines import ENGINES, opened
from benchmarks.options import chosen, new_parser
from benchmarks.settings import Settings
from benchmarks.table import print_table
from benchmarks.tokens import expire, sign_in

OPEN_ID = CAST[0].open_id
STORES = ("memory", *ENGINES)
ROUND_TRIP = 0.2  # seconds


class Distant:
    """An emulator that is one round trip away, and counts the requests by kind."""

    def __init__(self, emulator: ASGIApp, round_trip: float) -> None:
        self.emulator = emulator
        self.round_trip = round_trip
        self.refreshes = 0
        self.answered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_refresh = scope["path"] == "/v2/oauth/token/"
        self.refreshes += is_refresh
        self.answered += not is_refresh
        await asyncio.sleep(self.round_trip)
        await self.emulator(scope, receive, send)


@dataclass
class Storm:
    """The results of the calls. All times are in milliseconds, from the moment when all calls started.

    `behind` is the time between the first and the last result, `calm_behind` the same with a valid token.
    """

    calls: int
    refreshes: int
    served: int
    first: float
    last: float
    behind: float
    calm_behind: float


async def all_at_once(call: Callable[[], Awaitable[bool]], count: int) -> tuple[int, list[float]]:
    """Start `count` calls at once. Returns how many succeeded, and when each of them ended."""
    began = time.perf_counter()
    done: list[float] = []

    async def one() -> bool:
        served = await call()
        done.append((time.perf_counter() - began) * 1000)
        return served

    return sum(await asyncio.gather(*(one() for _ in range(count)))), done


async def storm(url: str, *, calls: int, rounds: int, round_trip: float = ROUND_TRIP) -> tuple[Storm, Storm]:
    """Return the medians of all rounds: for calls that only need the token, and for whole API calls."""
    emulator = Emulator(rotate="strict")
    distant = Distant(emulator, 0)
    tiktok = Settings(url).new_tiktok(httpx2.ASGITransport(distant))
    await sign_in(tiktok, emulator, OPEN_ID)
    distant.round_trip = round_trip
    kinds = (lambda: has_token(tiktok), lambda: knows_user(tiktok))
    storms = [await play(tiktok, distant, kind, calls, rounds) for kind in kinds]
    await tiktok.aclose()
    return storms[0], storms[1]


async def has_token(tiktok: TikTok) -> bool:
    return (await tiktok.token(OPEN_ID)).expires_at > time.time()


async def knows_user(tiktok: TikTok) -> bool:
    async with tiktok.api(OPEN_ID) as api:
        answer = await api.get("/v2/user/info/?fields=open_id")
    return bool(answer.json()["data"]["user"]["open_id"] == OPEN_ID)


async def play(
    tiktok: TikTok, distant: Distant, call: Callable[[], Awaitable[bool]], calls: int, rounds: int
) -> Storm:
    """Run each round twice: with a valid token, and with an expired token."""
    served, refreshes, times = 0, 0, []
    for _ in range(rounds):
        _, calm = await all_at_once(call, calls)
        await expire(tiktok, OPEN_ID)
        distant.refreshes = 0
        right, stormy = await all_at_once(call, calls)
        served += right
        refreshes += distant.refreshes
        times.append((min(stormy), max(stormy), max(stormy) - min(stormy), max(calm) - min(calm)))
    return Storm(
        calls * rounds, refreshes, served, *(statistics.median(column) for column in zip(*times, strict=True))
    )


def main() -> None:
    parser = new_parser(__doc__, stores=STORES)
    parser.add_argument("--calls", type=int, default=1000, help="calls at once")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows: list[list[object]] = []
    for store in chosen(options.store, STORES):
        for what, found in zip(("the token", "an API call"), run(store, options.calls, options.rounds), strict=True):
            rows.append([store, what, options.rounds, *vars(found).values()])
    headers = [
        *("store", "each call needs", "rounds", "calls", "refreshes", "served", "first (ms)", "last (ms)"),
        *("last after first (ms)", "last after first, token valid (ms)"),
    ]
    print(f"One round trip to TikTok: {ROUND_TRIP * 1000:.0f} ms\n")
    print_table(headers, rows)


def run(store: str, calls: int, rounds: int, round_trip: float = ROUND_TRIP) -> tuple[Storm, Storm]:
    """Run the calls with one store."""
    if store == "memory":
        return asyncio.run(storm("memory://", calls=calls, rounds=rounds, round_trip=round_trip))
    with opened(store) as engine:
        return asyncio.run(storm(engine.url, calls=calls, rounds=rounds, round_trip=round_trip))
