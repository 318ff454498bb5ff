"""Callbacks with codes that visitors invented: what they leave in the store, and what TikTok is asked."""

import asyncio
import logging
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx2
from starlette.types import ASGIApp, Scope

from asgi_tiktok import MemoryStore, TikTokAuthMiddleware, TikTokUser
from benchmarks.abandoned_logins import nothing
from benchmarks.in_process import ask
from benchmarks.settings import Settings
from benchmarks.table import print_table

PATH = "/auth/tiktok"
ROUND_TRIP = 0.2  # seconds that TikTok takes


class RefusingTikTok(httpx2.AsyncBaseTransport):
    """A TikTok that knows none of the codes, and counts the requests."""

    def __init__(self) -> None:
        self.requests = 0
        self.running = 0
        self.most_at_once = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        await asyncio.sleep(ROUND_TRIP)
        self.running -= 1
        return httpx2.Response(200, json={"error": "invalid_grant", "error_description": "no", "log_id": "x"})


@dataclass
class Flood:
    """What a flood of callbacks caused. `lifetime` is that of its records, in seconds."""

    callbacks: int
    refused: int
    requests: int
    most_at_once: int
    records: int
    lifetime: int
    sessions_lost: int
    log_lines: int
    milliseconds: float


class CountingHandler(logging.Handler):
    """Counts log lines instead of writing them."""

    lines = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += 1


def scope_of(path: str, query: str = "", cookie: str = "") -> Scope:
    headers = [(b"host", b"localhost:8000"), (b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate")]
    headers += [(b"cookie", cookie.encode())] if cookie else []
    scope = {"type": "http", "method": "GET", "scheme": "http", "root_path": "", "headers": headers}
    return {**scope, "path": path, "query_string": query.encode()}


async def junk_callback(app: ASGIApp) -> int:
    """Start a login, return with an invented code, and return the status."""
    start, *_ = await ask(app, scope_of(f"{PATH}/login"))
    headers = dict(start["headers"])
    state = parse_qs(urlsplit(headers[b"location"].decode()).query)["state"][0]
    cookie = headers[b"set-cookie"].decode().partition(";")[0]
    end, *_ = await ask(app, scope_of(f"{PATH}/callback", f"code=junk&state={state}", cookie))
    return int(end["status"])


async def flood(count: int, *, at_once: int, sessions: int) -> Flood:
    """Send `count` junk callbacks, `at_once` at a time, to a site with the memory store and `sessions` sessions."""
    upstream, handler = RefusingTikTok(), CountingHandler()
    tiktok = Settings("memory://").new_tiktok(upstream)
    app = TikTokAuthMiddleware(nothing, tiktok)
    logger = logging.getLogger("asgi_tiktok")
    logger.addHandler(handler)
    for number in range(sessions):
        await tiktok._sessions.create(TikTokUser(open_id=f"user-{number}"), (), {})
    statuses: Counter[int] = Counter()
    waiting: Iterator[int] = iter(range(count))

    async def visitor() -> None:
        for _ in waiting:
            statuses[await junk_callback(app)] += 1

    began = time.process_time()
    await asyncio.gather(*(visitor() for _ in range(at_once)))
    seconds = time.process_time() - began
    logger.removeHandler(handler)
    store = tiktok._store
    assert isinstance(store, MemoryStore)
    kept = Counter(key.partition(":")[0] for key in store._records)
    marks = [record.ends_at for key, record in store._records.items() if key.startswith("used:")]
    lifetime = round(max(marks) - time.time()) if marks else 0
    return Flood(
        callbacks=count,
        refused=statuses[503],
        requests=upstream.requests,
        most_at_once=upstream.most_at_once,
        records=kept["used"],
        lifetime=lifetime,
        sessions_lost=sessions - kept["session"],
        log_lines=handler.lines,
        milliseconds=seconds / count * 1000,
    )


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--at-once", type=int, default=1_000)
    parser.add_argument("--sessions", type=int, default=9_000)
    options = parser.parse_args()
    found = asyncio.run(flood(options.count, at_once=options.at_once, sessions=options.sessions))
    names = [
        "callbacks",
        "answered with 503",
        "requests to TikTok",
        "most at once",
        "records left",
        "their lifetime (s)",
        "sessions lost",
        "log lines",
        "CPU per login and callback (ms)",
    ]
    print_table(names, [list(vars(found).values())])
