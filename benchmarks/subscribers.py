"""Up to a thousand subscribers to the notices of one Redis or PostgreSQL: what echoes and notices cost the server."""

import asyncio
import logging
import math
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from asgi_tiktok.stores import NotifyingStore, Store, open_store
from benchmarks.options import chosen, new_parser
from benchmarks.postgresql import PostgreSQLServer, connected
from benchmarks.processes import cpu_time
from benchmarks.redis_server import RedisServer
from benchmarks.table import NONE, print_table

Server = RedisServer | PostgreSQLServer
SERVERS: dict[str, Callable[[Path], Server]] = {"redis": RedisServer, "postgresql": PostgreSQLServer}
NOTICES = 10  # per second
MAX_CONNECTIONS = 1200
SUBSCRIBED_WITHIN = 30  # seconds
TICK = 0.1  # seconds


class Subscriber:
    """The listener of one channel, as the session memory of one event loop."""

    def __init__(self, bound: float, arrived: dict[str, list[float]]) -> None:
        self.bound = bound
        self.arrived = arrived
        self.proved_until = 0.0

    def notice(self, key: str) -> None:
        self.arrived[key].append(time.monotonic())

    def prove(self, sent_at: float) -> None:
        self.proved_until = sent_at + self.bound

    def reset(self) -> None:
        self.proved_until = 0.0

    def needs_proof(self) -> bool:
        return True

    @property
    def is_proved(self) -> bool:
        return time.monotonic() < self.proved_until


@dataclass(frozen=True, slots=True)
class Load:
    """What a number of subscribers cost. Shares of CPU time are in percent of one core."""

    proved: float  # percent of the time in which a subscriber may serve from memory
    server: float
    clients: float
    per_notice: float  # milliseconds of the server's CPU time
    last: list[float]  # milliseconds from the deletion of a record to its notice at the last subscriber

    def facts(self) -> list[object]:
        first: list[object] = [self.proved, self.server, self.clients]
        if not self.last:
            return [*first, NONE, NONE, NONE]
        p99 = sorted(self.last)[math.ceil(len(self.last) * 0.99) - 1]
        return [*first, self.per_notice, statistics.median(self.last), p99]


async def shares(pid: int, seconds: float, subscribers: Sequence[Subscriber]) -> tuple[float, float, float]:
    """Return the CPU time of the server and of this process, and the subscribers with a proof, all in percent."""
    began, server, own = time.monotonic(), cpu_time(pid), time.process_time()
    proved = []
    while time.monotonic() < began + seconds:
        await asyncio.sleep(TICK)
        proved.append(sum(each.is_proved for each in subscribers) / len(subscribers))
    took = time.monotonic() - began
    used = (cpu_time(pid) - server) / took, (time.process_time() - own) / took
    return used[0] * 100, used[1] * 100, statistics.mean(proved) * 100


async def end_records(store: Store, names: Sequence[str]) -> dict[str, float]:
    """Delete the records, ten a second. Returns the time of each deletion."""
    began_at: dict[str, float] = {}
    for name in names:
        began_at[name] = time.monotonic()
        await store.delete(name)
        await asyncio.sleep(max(0, began_at[name] + 1 / NOTICES - time.monotonic()))
    return began_at


@asynccontextmanager
async def subscribed(
    store: NotifyingStore, count: int, bound: float, arrived: dict[str, list[float]]
) -> AsyncIterator[list[Subscriber]]:
    """Open this many channels in the running event loop, until the end of the block."""
    subscribers = [Subscriber(bound, arrived) for _ in range(count)]
    channels = [store.open_channel(each, bound=bound) for each in subscribers]
    try:
        deadline = time.monotonic() + SUBSCRIBED_WITHIN
        while not all(each.proved_until for each in subscribers) and time.monotonic() < deadline:
            await asyncio.sleep(TICK)
        yield subscribers
    finally:
        await asyncio.gather(*(channel.aclose() for channel in channels if channel is not None))


async def measure(server: Server, count: int, seconds: float, bound: float | None) -> Load:
    """Return the cost of `count` subscribers: first of their echoes alone, then also of ten notices per second."""
    assert server.process is not None
    store, ending_store = open_store(server.url), open_store(server.url)
    assert isinstance(store, NotifyingStore)
    bound = bound or store.notice_bound
    names = [f"record-{number}" for number in range(round(seconds * NOTICES))]
    arrived: dict[str, list[float]] = {name: [] for name in names}
    for name in names:
        await store.set(name, b"a session", ttl=3600, owner="ada")
    async with subscribed(store, count, bound, arrived) as subscribers:
        echoes, clients, proved = await shares(server.process.pid, seconds, subscribers)
        ending = asyncio.create_task(end_records(ending_store, names))
        with_notices, *_ = await shares(server.process.pid, seconds, subscribers)
        began_at = await ending
        await asyncio.sleep(bound)
    await store.aclose()
    await ending_store.aclose()
    per_notice = max(0.0, with_notices - echoes) / 100 / NOTICES * 1000
    last = [(max(times) - began_at[name]) * 1000 for name, times in arrived.items() if len(times) >= count]
    return Load(proved, echoes, clients, per_notice, last)


async def accept_many(server: Server) -> None:
    """Let PostgreSQL accept more than a hundred connections."""
    if isinstance(server, PostgreSQLServer):
        async with connected(server.url) as connection:
            await connection.execute(f"ALTER SYSTEM SET max_connections = {MAX_CONNECTIONS}")
        server.end()
        server.start()


def run(name: str, counts: Sequence[int], seconds: float, bound: float | None = None) -> list[Load]:
    """Return the cost of each of these numbers of subscribers, on one new server."""
    with tempfile.TemporaryDirectory(prefix="asgi-tiktok-") as folder:
        server = SERVERS[name](Path(folder))
        try:
            server.start()
            asyncio.run(accept_many(server))
            return [asyncio.run(measure(server, count, seconds, bound)) for count in counts]
        finally:
            server.end()


def main() -> None:
    parser = new_parser(__doc__, stores=tuple(SERVERS))
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 10, 100, 300, 1000], help="subscribers")
    parser.add_argument("--seconds", type=float, default=10, help="seconds with echoes alone, and with notices")
    parser.add_argument("--bound", type=float, help="session_memory_bound; default: that of the store")
    options = parser.parse_args()
    logging.disable(logging.ERROR)  # each subscriber would report that this process cannot keep up
    rows: list[list[object]] = []
    for store in chosen(options.store, tuple(SERVERS)):
        loads = run(store, options.counts, options.seconds, options.bound)
        rows += [[store, count, *load.facts()] for count, load in zip(options.counts, loads, strict=True)]
    headers = [
        *("store", "subscribers", "with a proof (%)", "server, echoes (% of a core)", "subscribers (% of a core)"),
        *("server, per notice (ms)", "last notice, p50 (ms)", "p99 (ms)"),
    ]
    print_table(headers, rows)
