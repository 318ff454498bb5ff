"""SIGTERM while the packets of the store's server disappear: seconds until the worker has ended."""

import asyncio
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.engines import SERVERS, opened
from benchmarks.options import chosen, new_parser
from benchmarks.people import people
from benchmarks.settings import Settings
from benchmarks.table import print_table
from benchmarks.visit import Lost, get
from benchmarks.workers import serving
from tests.support.relay import Fault, relaying

VISITORS = 8
GRACE = 10  # seconds, the default of `shutdown_grace`
LIMIT = GRACE + 5  # seconds


async def shut_down(name: str) -> float:
    """Return the seconds from SIGTERM to the end of the worker."""
    with opened(name) as engine, tempfile.TemporaryDirectory() as logs:
        async with relaying(urlsplit(engine.url).port or 0) as relay:
            settings = Settings(engine.url.replace(f":{urlsplit(engine.url).port}/", f":{relay.port}/"))
            tiktok = settings.new_tiktok()
            visitors = list(people(tiktok, VISITORS))
            for visitor in visitors:
                await tiktok._store.set(visitor.key, visitor.value, ttl=visitor.ttl, owner=visitor.owner)
            await tiktok.aclose()
            context = serving([settings], Path(logs))
            (worker,) = await asyncio.to_thread(context.__enter__)
            try:
                await asyncio.gather(*(get(worker.port, "/studio", cookie=visitor.cookie) for visitor in visitors))
                relay.break_down(Fault(silent=True))
                waiting = [asyncio.create_task(visit(worker.port, visitor.cookie)) for visitor in visitors]
                await asyncio.sleep(0.5)
                began = time.monotonic()
                worker.process.terminate()
                await asyncio.to_thread(worker.process.wait, 120)
                seconds = time.monotonic() - began
                await asyncio.gather(*waiting)
                return seconds
            finally:
                await asyncio.to_thread(context.__exit__, None, None, None)


async def visit(port: int, cookie: str) -> None:
    with suppress(Lost):
        await get(port, "/studio", cookie=cookie)


def main() -> None:
    parser = new_parser(__doc__, stores=SERVERS)
    options = parser.parse_args()
    rows = [[store, asyncio.run(shut_down(store)), LIMIT] for store in chosen(options.store, SERVERS)]
    print_table(["store", "ended after (s)", "limit (s)"], rows)
