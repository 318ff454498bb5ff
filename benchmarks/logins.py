"""The cost of a full login, from the button to the session, compared with other libraries."""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2
from starlette.types import Scope

from benchmarks.engines import SQLiteFile
from benchmarks.in_process import BROWSER, ask
from benchmarks.listening import listening
from benchmarks.login_sites import AUTHLIB, LOGIN, LastingTransport, Site, authlib, by_hand, fastapi_sso, ours
from benchmarks.table import NONE, print_table
from benchmarks.tiktok import person

WARM_UP = 5  # logins


@dataclass
class Logins:
    """The milliseconds of the logins at one site: CPU time of this process, and wall time."""

    finished: int = 0
    processor: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)

    @property
    def cost(self) -> float:
        return statistics.median(self.processor)


class Visitor:
    """A visitor without a real browser. Only the work of the site is measured."""

    def __init__(self, site: Site, tiktok: httpx2.AsyncClient) -> None:
        self.site = site
        self.tiktok = tiktok
        self.cookies: dict[str, str] = {}
        self.processor = 0.0
        self.clock = 0.0

    async def visit(self, url: str) -> str:
        """Make the request, and return where the site redirects the browser."""
        scope = self.scope(url)
        processor, clock = time.process_time(), time.perf_counter()
        sent = await ask(self.site.app, scope)
        self.processor += time.process_time() - processor
        self.clock += time.perf_counter() - clock
        headers = sent[0]["headers"]
        if sent[0]["status"] not in (302, 303):
            raise RuntimeError(f"{self.site.name}: {sent}")
        for name, line in headers:
            if name.lower() == b"set-cookie":
                key, _, value = line.decode().partition(";")[0].partition("=")
                self.cookies[key] = value
        return str(dict(headers)[b"location"].decode())

    def scope(self, url: str) -> Scope:
        parts = urlsplit(url)
        shown = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = [header for header in BROWSER if not header[0].startswith((b"sec-fetch", b"accept", b"host"))]
        headers += [(b"host", b"testserver"), (b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate")]
        if shown:
            headers.append((b"cookie", shown.encode()))
        address = {"http_version": "1.1", "scheme": "https", "server": ("testserver", 443), "root_path": ""}
        query = parts.query.encode()
        return {
            "type": "http",
            "method": "GET",
            "path": parts.path,
            "query_string": query,
            "headers": headers,
            **address,
        }

    async def agree(self, url: str, open_id: str) -> str:
        """Agree on TikTok's page, and return where TikTok redirects the browser."""
        asked = dict(parse_qsl(urlsplit(url).query))
        form = {**asked, "person": open_id, "scopes": "user.info.basic", "decision": "approve"}
        answer = await self.tiktok.post("/v2/auth/authorize/", data=form)
        return str(answer.headers["location"])

    async def sign_in(self, open_id: str) -> None:
        """Sign in, until the redirect back into the site."""
        back = await self.agree(await self.visit(f"{LOGIN}?next=/"), open_id)
        led_to = await self.visit(back)
        if urlsplit(led_to).path != "/":
            raise RuntimeError(f"{self.site.name} redirected to {led_to} instead of /.")


async def compete(base_url: str, folder: Path, *, rounds: int, logins: int) -> dict[str, Logins]:
    """Run the logins at each site in turn, in rounds. Each login is that of another user."""
    transport = LastingTransport(trust_env=False)
    sites = [
        by_hand(base_url),
        ours("memory", "memory://", base_url),
        ours("SQLite", SQLiteFile(folder).url, base_url),
        authlib(base_url),
        authlib(base_url, "Authlib with one shared transport", transport=transport, trust_env=False),
        fastapi_sso(base_url),
    ]
    results: dict[str, Logins] = defaultdict(Logins)
    numbers = count()
    async with httpx2.AsyncClient(base_url=base_url, trust_env=False) as tiktok:
        for site in sites:
            for _ in range(WARM_UP):
                await Visitor(site, tiktok).sign_in(person(next(numbers)))
        for number in range(rounds):
            for site in sites if number % 2 else reversed(sites):
                processor = clock = 0.0
                for _ in range(logins):
                    visitor = Visitor(site, tiktok)
                    await visitor.sign_in(person(next(numbers)))
                    processor += visitor.processor
                    clock += visitor.clock
                    results[site.name].finished += 1
                results[site.name].processor.append(processor / logins * 1000)
                results[site.name].clock.append(clock / logins * 1000)
    for site in sites:
        await site.aclose()
    await transport.end()
    return {site.name: results[site.name] for site in sites}


def run(*, rounds: int, logins: int) -> dict[str, Logins]:
    """Measure all sites against an emulator in another process, whose CPU time is not counted."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "benchmarks.tiktok"]
        with listening(command, folder / "tiktok.log", os.environ) as (port, _):
            return asyncio.run(compete(f"http://127.0.0.1:{port}", folder, rounds=rounds, logins=logins))


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--logins", type=int, default=20, help="logins at each site in a round")
    options = parser.parse_args()
    results = run(rounds=options.rounds, logins=options.logins)
    alone, authlibs = next(iter(results.values())).cost, results[AUTHLIB].cost
    rows: list[list[object]] = []
    for name, found in results.items():
        own = found.cost - alone
        clock = statistics.median(found.clock)
        rows.append(
            [name, found.finished, found.cost, 1000 / found.cost, authlibs / found.cost, own or NONE]
            + [(authlibs - alone) / own if own else NONE, clock]
        )
    headers = [
        *("site", "logins", "CPU per login (ms)", "logins per CPU second", "relative to Authlib"),
        *("CPU beyond the two calls (ms)", "relative to Authlib", "wall time with the emulator (ms)"),
    ]
    print_table(headers, rows)
