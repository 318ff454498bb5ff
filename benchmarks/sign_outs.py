"""Browsers that visit the workers of a site and sign out, and what they see."""

import asyncio
import math
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from benchmarks.visit import Visitor

RATE = 50  # requests per second to each worker, beside those of the sign-outs
RECENT = 50  # sessions that ended last, which the load still tries
PAUSE = 0.001  # seconds between two visits of a browser that waits for the end of its session
LOGOUT = "/auth/tiktok/logout"


@dataclass(slots=True, eq=False)
class Browser:
    """A browser with the cookie of a session. Times are those of the monotonic clock."""

    cookie: str
    ending_at: float = math.inf  # the sign-out was sent
    ended_at: float = math.inf  # the sign-out was confirmed


@dataclass
class Seen:
    """What the browsers saw. Times are in milliseconds after a sign-out was confirmed."""

    bound: float
    requests: int = 0
    unavailable: int = 0  # 503, because the store did not answer
    refused_after: list[float] = field(default_factory=list)
    served_after: float = 0  # the latest request with an ended session that was served
    beyond: int = 0  # requests with an ended session that were served after the bound
    lost: int = 0  # requests with a living session that were refused

    def count(self, browser: Browser, sent_at: float, status: int) -> None:
        self.requests += 1
        self.unavailable += status == 503
        if status == 200 and sent_at > browser.ended_at:
            late = (sent_at - browser.ended_at) * 1000
            self.served_after = max(self.served_after, late)
            self.beyond += late > self.bound
        elif status == 401 and time.monotonic() < browser.ending_at:
            self.lost += 1
        elif status not in (200, 401, 503):
            raise RuntimeError(f"The worker answered {status}.")

    def facts(self) -> list[object]:
        """Return the cells of a row of the table."""
        after = sorted(self.refused_after)
        p99 = after[math.ceil(len(after) * 0.99) - 1]
        times = [statistics.median(after), p99, after[-1], float(self.served_after)]
        return [len(after), self.requests, *times, self.bound, self.beyond, self.lost]


class Site:
    """Several workers. Sessions are ended at the first one, and must then be refused by the others."""

    def __init__(self, ports: Sequence[int], bound: float) -> None:
        self.ports = ports
        self.bound = bound * 1000
        self.living: list[Browser] = []
        self.ended: list[Browser] = []
        self.seen = Seen(self.bound)

    async def visit(self, visitor: Visitor, browser: Browser) -> bool:
        """Open a protected page. Returns whether it was served."""
        sent_at = time.monotonic()
        status = await visitor.get("/studio", browser.cookie)
        self.seen.count(browser, sent_at, status)
        return status == 200

    async def visit_all(self, browser: Browser) -> bool:
        """Open a protected page at each worker. Returns whether all of them served it."""
        visitors = [Visitor(port) for port in self.ports]
        try:
            return all([await self.visit(visitor, browser) for visitor in visitors])
        finally:
            for visitor in visitors:
                visitor.close()

    async def load(self, port: int) -> None:
        """Visit a worker all the time, with living sessions and with those that ended last."""
        loop, visitor = asyncio.get_running_loop(), Visitor(port)
        began = loop.time()
        try:
            for number in count(1):
                some = self.ended[-RECENT:] if number % 2 and self.ended else self.living
                await self.visit(visitor, random.choice(some))
                await asyncio.sleep(max(0, began + number / RATE - loop.time()))
        finally:
            visitor.close()

    async def warm_up(self, browsers: Sequence[Browser]) -> None:
        """Let all workers keep these sessions in memory."""
        for browser in browsers:
            await self.visit_all(browser)
            await self.visit_all(browser)

    async def sign_out(self, browser: Browser) -> None:
        """End the session, and measure how long the other workers serve it."""
        polls = self.start_polls(browser)
        await self.end(browser)
        await self.wait_until_refused(browser, polls)

    def start_polls(self, browser: Browser) -> list[asyncio.Task[float]]:
        """Visit all workers but the first until they refuse the session."""
        return [asyncio.create_task(self.poll(port, browser)) for port in self.ports[1:]]

    async def end(self, browser: Browser) -> None:
        """End the session at the first worker."""
        signer = Visitor(self.ports[0])
        self.living.remove(browser)
        browser.ending_at = time.monotonic()
        status = await signer.post(LOGOUT, browser.cookie)
        browser.ended_at = time.monotonic()
        signer.close()
        if status != 303:
            raise RuntimeError(f"The sign-out was answered with {status}.")
        self.ended.append(browser)

    async def wait_until_refused(self, browser: Browser, polls: Sequence[asyncio.Task[float]]) -> None:
        refused_at = max(await asyncio.gather(*polls))
        self.seen.refused_after.append(max(0.0, refused_at - browser.ended_at) * 1000)

    async def poll(self, port: int, browser: Browser) -> float:
        """Return the time of the first answer that does not serve the session."""
        visitor = Visitor(port)
        try:
            while await self.visit(visitor, browser):
                await asyncio.sleep(PAUSE)
        finally:
            visitor.close()
        return time.monotonic()

    async def check(self) -> None:
        """Visit all workers with each session, also with those that ended long ago."""
        for browser in [*self.living, *self.ended]:
            await self.visit_all(browser)
