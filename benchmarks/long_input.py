"""Long texts that anonymous visitors send: the CPU time and the memory of one request."""

import asyncio
import logging
import time
import tracemalloc
from argparse import ArgumentParser
from dataclasses import dataclass, field
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asgi_tiktok import TikTokAuthMiddleware
from benchmarks.in_process import discard, receive_request
from benchmarks.settings import Settings
from benchmarks.table import print_table

KB = 1024
LOGIN, LOGOUT, CALLBACK, WEBHOOK = (f"/auth/tiktok/{name}" for name in ("login", "logout", "callback", "webhook"))
FIELDS = b"&".join(b"f%d=v" % number for number in range(10_000))
# Decoding and normalizing it in any order gives many results, and the last character becomes 18.
HARD = "/" + "\uff05\uff12\uff15254141%EF%BC%8525254141%252541\uff052541%252541%254125" + "\ufdfa" * 2000


@dataclass
class Case:
    """A request of an anonymous visitor."""

    name: str
    path: str = "/"
    query: bytes = b""
    headers: dict[str, bytes] = field(default_factory=dict)
    method: str = "GET"

    def scope(self) -> Scope:
        headers = [(b"sec-fetch-site", b"same-origin"), (b"sec-fetch-mode", b"navigate"), (b"accept", b"text/html")]
        headers += [(name.encode(), value) for name, value in self.headers.items()]
        scope = {"type": "http", "method": self.method, "scheme": "http", "root_path": "", "headers": headers}
        return {**scope, "path": self.path, "query_string": self.query}


def cookies(pair: str, count: int = 5_000) -> dict[str, bytes]:
    return {"cookie": "; ".join(pair.format(number) for number in range(count)).encode()}


CASES = [
    Case("an ordinary login", LOGIN, b"next=/studio"),
    Case("64 KB of backslashes in the Cookie header", headers={"cookie": b'tiktok_session.8000="' + b"\\" * 64 * KB}),
    Case("a session cookie of 64 KB", headers={"cookie": b"tiktok_session.8000=" + b"a" * 64 * KB}),
    Case("5,000 unrelated cookies", headers=cookies("c{}=v")),
    Case("5,000 session cookies", headers=cookies("tiktok_session.8000=v{}")),
    Case("5,000 login cookies", LOGIN, headers=cookies("tiktok_login.8000.{:011}=" + "A" * 64)),
    Case("a login with a `next` of 18 KB", LOGIN, b"next=" + quote(HARD, safe="").encode()),
    Case("a login with the longest `next` that is examined", LOGIN, b"next=" + quote("/" + "\ufdfa" * 341).encode()),
    Case("a login with 10,000 query parameters", LOGIN, FIELDS),
    Case("a callback with 10,000 query parameters", CALLBACK, FIELDS),
    Case("a sign-out with 10,000 query parameters", LOGOUT, FIELDS, method="POST"),
    Case("a login with 64 KB of scopes", LOGIN, b"scopes=" + b"user.info.basic," * 4 * KB),
    Case(
        "a login with a Host and a User-Agent of 64 KB",
        LOGIN,
        headers=dict.fromkeys(("host", "user-agent"), b"a" * 64 * KB),
    ),
    Case("a guarded page with a path of 64 KB", "/studio/" + "\xe9" * 64 * KB),
    Case("a webhook with a signature of 64 KB", WEBHOOK, headers={"tiktok-signature": b"," * 64 * KB}, method="POST"),
]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def measure(site: ASGIApp, case: Case, times: int) -> tuple[int, float, float]:
    """Return the status, the CPU time in milliseconds (the fastest of several), and the peak of the memory in KB."""
    status = 0

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = case.scope()
    await site(dict(scope), receive_request, send)
    fastest = float("inf")
    for _ in range(times):
        began = time.process_time()
        await site(dict(scope), receive_request, discard)
        fastest = min(fastest, time.process_time() - began)
    tracemalloc.start()
    await site(dict(scope), receive_request, discard)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return status, fastest * 1000, peak / KB


async def run(times: int) -> dict[str, tuple[int, float, float]]:
    """Measure every case."""
    site = TikTokAuthMiddleware(app, Settings("memory://").new_tiktok(), protect=("/studio",))
    return {case.name: await measure(site, case, times) for case in CASES}


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    options = parser.parse_args()
    logging.disable()
    found = asyncio.run(run(options.times))
    print_table(
        ["request", "status", "CPU (ms)", "memory (KB)"], [[name, *figures] for name, figures in found.items()]
    )
