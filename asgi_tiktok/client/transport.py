"""The way to TikTok: one long-lived connection pool per event loop, and answers of bounded size."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast
from urllib.request import getproxies
from weakref import WeakKeyDictionary

import httpx2

from asgi_tiktok.errors import InvalidResponse

LARGEST_ANSWER = 64 * 1024  # bytes
TIMEOUT = httpx2.Timeout(5, connect=3, pool=2)  # seconds
LIMITS = httpx2.Limits(max_connections=50, max_keepalive_connections=20)


class Pools:
    """Hands out the transport for the running event loop; a pool cannot be shared between loops."""

    def __init__(self, transport: httpx2.AsyncBaseTransport | None, *, trust_env: bool) -> None:
        self.given = transport
        self.trust_env = trust_env
        self.pools: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncHTTPTransport] = WeakKeyDictionary()

    def transport(self) -> httpx2.AsyncBaseTransport:
        """The transport given at construction, or this loop's pool, created on first use."""
        if self.given is not None:
            return self.given
        loop = asyncio.get_running_loop()
        if loop not in self.pools:
            proxy = getproxies().get("https") if self.trust_env else None
            self.pools[loop] = httpx2.AsyncHTTPTransport(trust_env=self.trust_env, limits=LIMITS, proxy=proxy)
        return self.pools[loop]

    async def aclose(self) -> None:
        """Close this loop's pool. The next request opens a new one; a transport that was given stays open."""
        pool = self.pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.aclose()


class SharedTransport(httpx2.AsyncBaseTransport):
    """This loop's pool, for many clients that come and go; closing a client leaves it open."""

    def __init__(self, pools: Pools) -> None:
        self.pools = pools

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["User-Agent"] = "asgi-tiktok"
        return await self.pools.transport().handle_async_request(request)


class BoundedTransport(SharedTransport):
    """Refuses an answer above 64 KiB, and a compressed one, whose true size nobody knows beforehand."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Accept-Encoding"] = "identity"
        response = await super().handle_async_request(request)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            await response.aclose()
            raise InvalidResponse("TikTok's answer is compressed, although that was not asked for.")
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=BoundedStream(response),
            extensions=response.extensions,
        )


class BoundedStream(httpx2.AsyncByteStream):
    """The body of an answer, up to 64 KiB of it."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in cast(httpx2.AsyncByteStream, self.response.stream):
            size += len(chunk)
            if size > LARGEST_ANSWER:
                raise InvalidResponse(f"TikTok's answer is larger than {LARGEST_ANSWER} bytes.")
            yield chunk

    async def aclose(self) -> None:
        await self.response.aclose()
