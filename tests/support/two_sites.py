"""One browser at two sites whose stores have the same records, to see a session end at the other site."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2

from asgi_tiktok import TikTok, TikTokAuthMiddleware
from asgi_tiktok.testing import login_as_async
from tests.support.app import app
from tests.support.settings import ORIGIN
from tests.support.waiting import TIMEOUT

TwoSites = tuple[httpx2.AsyncClient, httpx2.AsyncClient]


@asynccontextmanager
async def signed_in_at(near: TikTok, far: TikTok) -> AsyncIterator[TwoSites]:
    """The browser at each of the two sites. It signs in at the near one."""
    async with AsyncExitStack() as stack:
        browsers: list[httpx2.AsyncClient] = []
        for tiktok in (near, far):
            stack.push_async_callback(tiktok.aclose)
            transport = httpx2.ASGITransport(TikTokAuthMiddleware(app, tiktok))
            browsers.append(await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url=ORIGIN)))
        here, there = browsers
        await login_as_async(here, tiktok=near)
        there.cookies = here.cookies
        yield here, there


async def name_at(browser: httpx2.AsyncClient) -> str:
    """Return the name of the user whom the site sees, or "" for an anonymous visitor."""
    name: str = (await browser.get("/me")).json()["name"]
    return name


async def visit_until(name: str, browser: httpx2.AsyncClient) -> None:
    """Visit the site until it sees a user with this name, as after a failure of its store."""
    async with asyncio.timeout(TIMEOUT):
        while await name_at(browser) != name:
            await asyncio.sleep(0.02)


async def visit_until_remembered(browser: httpx2.AsyncClient, reads: Callable[[], int]) -> None:
    """Visit the site until it serves ten requests without reading its store. `reads` returns the number of reads."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            before = reads()
            assert [await name_at(browser) for _ in range(10)] == ["Ada"] * 10
            if reads() == before:
                return
            await asyncio.sleep(0.02)
