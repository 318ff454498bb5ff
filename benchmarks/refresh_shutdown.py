"""A server gets SIGTERM while TikTok answers refreshes: how many new tokens are lost?"""

import asyncio
import os
import socket
import sys
import tempfile
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from starlette.types import Message, Receive, Scope, Send

from asgi_tiktok import TikTok
from asgi_tiktok.emulator import Emulator, Person
from asgi_tiktok.emulator.server import listen, serving, url_of
from benchmarks.processes import free_port, start, wait_until
from benchmarks.settings import Settings
from benchmarks.table import print_table
from benchmarks.tokens import expire, sign_in
from benchmarks.visit import get

SITE = "benchmarks.worker_site:site"
SERVERS = {
    "uvicorn": "uvicorn {site} --port {port} --log-level warning",
    "uvicorn --lifespan off": "uvicorn {site} --port {port} --log-level warning --lifespan off",
    "hypercorn": "hypercorn {site} --bind 127.0.0.1:{port}",
    "daphne": "daphne {site} --port {port} --verbosity 0",
}
DELAYS = (2, 12)  # seconds
SIGTERM_AFTER = 1  # seconds


class SlowTikTok:
    """An emulator that rotates a refresh token at once, and whose response arrives later."""

    def __init__(self, people: list[Person]) -> None:
        self.emulator = Emulator(people=people, rotate="strict")
        self.delay = 0.0
        self.refreshes = self.answered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_later(message: Message) -> None:
            if message["type"] == "http.response.start" and self.delay:
                self.refreshes += 1
                await asyncio.sleep(self.delay)
                self.answered += 1
            await send(message)

        await self.emulator(scope, receive, send_later)


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The numbers of refreshes and of new tokens that were lost, and the seconds until the server had ended."""

    refreshes: int
    lost: int
    seconds: float


async def shut_down(command: str, delay: float, users: int) -> Shutdown:
    people = [Person(open_id=f"person-{number}", display_name=f"Person {number}") for number in range(users)]
    slow = SlowTikTok(people)
    with listen("127.0.0.1", 0) as listener, serving(slow, [listener]), tempfile.TemporaryDirectory() as folder:
        settings = Settings(f"sqlite:///{folder}/store.sqlite3", url_of("127.0.0.1", listener))
        tiktok = settings.new_tiktok()
        for person in people:
            await sign_in(tiktok, slow.emulator, person.open_id)
            await expire(tiktok, person.open_id)
        port, log = free_port(), Path(folder) / "server.log"
        words = command.format(site=SITE, port=port).split()
        server = start([sys.executable, "-m", *words], log, environ={**os.environ, **settings.to_environ()})
        await asyncio.to_thread(wait_until, lambda: is_listening(port), server, log)
        slow.delay = delay
        visits = [asyncio.create_task(get(port, f"/token?open_id={person.open_id}")) for person in people]
        while slow.refreshes < users:
            await asyncio.sleep(0.01)
        await asyncio.sleep(SIGTERM_AFTER)
        began = time.monotonic()
        server.terminate()
        await asyncio.to_thread(server.wait)
        seconds = time.monotonic() - began
        await asyncio.gather(*visits, return_exceptions=True)
        lost = sum([not await is_live(tiktok, slow.emulator, person.open_id) for person in people])
        await tiktok.aclose()
        while slow.answered < users:  # otherwise the emulator's server would log requests that it has to cancel
            await asyncio.sleep(0.1)
        return Shutdown(slow.refreshes, lost, seconds)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def is_live(tiktok: TikTok, emulator: Emulator, open_id: str) -> bool:
    """Return whether TikTok accepts the refresh token that is stored."""
    stored = await tiktok._tokens.records.load(open_id)
    return stored is not None and stored.token.refresh_token in emulator.grants.refresh_tokens


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--server", default="", help="only servers whose name contains this")
    options = parser.parse_args()
    rows: list[list[object]] = []
    for name, command in SERVERS.items():
        for delay in DELAYS if options.server in name else ():
            found = asyncio.run(shut_down(command, delay, options.users))
            rows.append([name, delay, found.refreshes, found.lost, round(found.seconds, 1)])
    headers = ["server", "TikTok answers after (s)", "refreshes", "tokens lost", "server ended after (s)"]
    print_table(headers, rows)


if __name__ == "__main__":
    main()
