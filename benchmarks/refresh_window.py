"""How long does a new token exist in one worker only, from TikTok's response until the store has it?"""

import asyncio
import statistics
import time

import httpx2

from asgi_tiktok.emulator import CAST, Emulator
from benchmarks.engines import opened
from benchmarks.options import chosen, new_parser
from benchmarks.settings import Settings
from benchmarks.table import print_table
from benchmarks.tokens import expire, sign_in

OPEN_ID = CAST[0].open_id


class TimedTransport(httpx2.AsyncBaseTransport):
    """A transport to the emulator that remembers when the last response arrived."""

    def __init__(self, emulator: Emulator) -> None:
        self.inner = httpx2.ASGITransport(emulator)
        self.arrived = 0.0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self.inner.handle_async_request(request)
        self.arrived = time.perf_counter()
        return response


async def measure(url: str, rounds: int) -> list[float]:
    """Return the milliseconds from each response until the new token was in the store."""
    emulator = Emulator(rotate="strict")
    transport = TimedTransport(emulator)
    tiktok = Settings(url).new_tiktok(transport)
    await sign_in(tiktok, emulator, OPEN_ID)
    windows = []
    replace = tiktok._store.replace

    async def timed_replace(key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        sent = transport.arrived
        done = await replace(key, old, new, ttl=ttl, owner=owner)
        if key.startswith("token:") and sent:
            windows.append((time.perf_counter() - sent) * 1000)
        return done

    tiktok._store.replace = timed_replace  # type: ignore[method-assign]
    for _ in range(rounds):
        transport.arrived = 0
        await expire(tiktok, OPEN_ID)
        await tiktok.token(OPEN_ID)
    await tiktok.aclose()
    return windows


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    rows: list[list[object]] = []
    for store in chosen(options.store):
        with opened(store) as engine:
            windows = sorted(asyncio.run(measure(engine.url, options.rounds)))
        rows.append([store, len(windows), statistics.median(windows), windows[-1]])
    print_table(["store", "refreshes", "median (ms)", "longest (ms)"], rows)


if __name__ == "__main__":
    main()
