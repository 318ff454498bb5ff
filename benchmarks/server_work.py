"""The CPU time that one login, read, touch, refresh or sign-out takes in Redis or PostgreSQL (docs/capacity.md)."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import httpx2

from asgi_tiktok import TikTok
from asgi_tiktok.emulator import Emulator, Person
from benchmarks.options import chosen, new_parser
from benchmarks.people import new_user, people
from benchmarks.postgresql import PostgreSQLServer
from benchmarks.processes import cpu_time
from benchmarks.redis_server import RedisServer
from benchmarks.settings import Settings
from benchmarks.table import print_table
from benchmarks.tokens import expire, sign_in

Server = RedisServer | PostgreSQLServer
SERVERS: dict[str, Callable[[Path], Server]] = {"redis": RedisServer, "postgresql": PostgreSQLServer}
AT_ONCE = 20


class Meter:
    """Measures the CPU time that a server needs for work."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.spent: dict[str, float] = {}  # microseconds for each piece of work

    async def measure(self, name: str, pieces: Sequence[Awaitable[object]]) -> None:
        """Do the pieces of work, twenty at once."""
        before = cpu_time(self.pid)
        waiting = iter(pieces)

        async def work() -> None:
            for piece in waiting:
                await piece

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        self.spent[name] = (cpu_time(self.pid) - before) / len(pieces) * 1e6


async def measure(url: str, pid: int, count: int) -> dict[str, float]:
    """Return the microseconds for each kind of work."""
    # The emulator takes more time than a login.
    cast = [Person(open_id=f"person-{number}", display_name="Ada") for number in range(-(-count // 10))]
    emulator = Emulator(people=cast)
    tiktok: TikTok = Settings(url).new_tiktok(httpx2.ASGITransport(emulator))
    store, sessions, meter = tiktok._store, tiktok._sessions, Meter(pid)
    await store.get("any")  # creates the table
    await meter.measure("a session", [sessions.create(new_user(), ("user.info.basic",), {}) for _ in range(count)])
    await meter.measure("a token", [sign_in(tiktok, emulator, person.open_id) for person in cast])
    records = list(people(tiktok, count))
    for each in records:
        await store.set(each.key, each.value, ttl=each.ttl, owner=each.owner)
    await meter.measure("a read", [store.get(each.key) for each in records])
    touch = sessions.memories.store.touch if sessions.memories.store else store.replace
    touched = [touch(each.key, each.value, each.value + b"x", ttl=each.ttl, owner=each.owner) for each in records]
    await meter.measure("a touch", touched)
    await meter.measure("a sign-out", [sessions.end(each.key) for each in records])
    for person in cast:
        await expire(tiktok, person.open_id)
    await meter.measure("a refresh", [tiktok.token(person.open_id) for person in cast])
    await tiktok.aclose()
    return meter.spent


def run(name: str, count: int) -> dict[str, float]:
    """Return the microseconds for each kind of work on a new server."""
    with tempfile.TemporaryDirectory(prefix="asgi-tiktok-") as folder:
        server = SERVERS[name](Path(folder))
        try:
            server.start()
            assert server.process is not None
            return asyncio.run(measure(server.url, server.process.pid, count))
        finally:
            server.end()


def main() -> None:
    parser = new_parser(__doc__, stores=tuple(SERVERS))
    parser.add_argument("--count", type=int, default=5000, help="pieces of each kind of work")
    options = parser.parse_args()
    rows: list[list[object]] = []
    headers = ["store"]
    for store in chosen(options.store, tuple(SERVERS)):
        spent = run(store, options.count)
        headers = ["store", *(f"{name} (µs)" for name in spent)]
        rows.append([store, *spent.values()])
    print_table(headers, rows)
