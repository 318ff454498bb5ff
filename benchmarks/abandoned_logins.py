"""Logins that are started and never finished: how many rows and how much memory they leave."""

import asyncio
import gc
import os
import sqlite3
import tempfile
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asgi_tiktok import TikTokAuthMiddleware
from asgi_tiktok.stores.record_format import MARK
from benchmarks.engines import SQLiteFile
from benchmarks.settings import Settings
from benchmarks.table import print_table

WARM_UP = 20_000  # logins, until caches and the allocator have reached their size


@dataclass
class Abandoned:
    """What started logins left behind. `growth` is in MB, `rate` in logins per second."""

    starts: int
    rows: int
    growth: float
    rate: float


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """The app behind the middleware. Requests that start a login never reach it."""


async def start_logins(app: ASGIApp, numbers: range) -> int:
    """Start a login for one visitor per number, each different.

    Returns how many were redirected to TikTok with a cookie.
    """
    sent_on = 0

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        nonlocal sent_on
        if message["type"] == "http.response.start":
            names = {name for name, _ in message["headers"]}
            sent_on += message["status"] == 302 and {b"location", b"set-cookie"} <= names

    scope = {"type": "http", "method": "GET", "scheme": "http", "path": "/auth/tiktok/login", "root_path": ""}
    for number in numbers:
        headers = [
            (b"host", b"localhost:8000"),
            (b"user-agent", b"Visitor/%d" % number),
            (b"accept", b"text/html"),
            (b"sec-fetch-mode", b"navigate"),
        ]
        query = b"next=/video/%d" % number
        await app({**scope, "query_string": query, "headers": headers}, receive, send)
    return sent_on


def abandon(count: int, *, warm_up: int = WARM_UP) -> Abandoned:
    """Start `count` logins in this process, after a warm-up."""
    with tempfile.TemporaryDirectory() as folder:
        engine = SQLiteFile(Path(folder))
        tiktok = Settings(engine.url).new_tiktok()
        app = TikTokAuthMiddleware(nothing, tiktok)

        async def play() -> tuple[int, float, float]:
            await tiktok._store.get("any")  # creates the file whose rows are counted at the end
            await start_logins(app, range(warm_up))
            before = resident()
            began = time.monotonic()
            starts = await start_logins(app, range(warm_up, warm_up + count))
            seconds = time.monotonic() - began
            growth = resident() - before
            await tiktok.aclose()
            return starts, growth, starts / seconds

        starts, growth, rate = asyncio.run(play())
        return Abandoned(starts, count_rows(engine.path), growth, rate)


def resident() -> float:
    """Return the resident memory of this process in MB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def count_rows(path: Path) -> int:
    """Return the number of records, without the mark of the file's format."""
    db = sqlite3.connect(path)
    try:
        return int(db.execute("SELECT count(*) FROM tiktok_records WHERE key <> ?", (MARK,)).fetchone()[0])
    finally:
        db.close()


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    options = parser.parse_args()
    headers = ["logins started", "rows in the store", "memory growth (MB)", "logins per second"]
    print_table(headers, [list(vars(abandon(options.count)).values())])
