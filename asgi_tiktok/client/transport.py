"""Connections to TikTok: long-lived pools per event loop, and responses of limited size."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import cast
from weakref import WeakKeyDictionary

import httpx2

from asgi_tiktok.client.calls import traced
from asgi_tiktok.client.network_errors import network_failure
from asgi_tiktok.client.proxies import EnvironmentTransport
from asgi_tiktok.client.trace import Trace
from asgi_tiktok.crypto.redaction import without_traceback
from asgi_tiktok.errors import InvalidResponse, TikTokError, Unavailable, UpstreamTimeout
from asgi_tiktok.event_loop import running_loop

MAX_RESPONSE = 64 * 1024  # bytes
CONNECT_TIMEOUT = httpx2.Timeout(None, connect=3, pool=5)  # seconds; client.DEADLINE limits reading and writing
API_TIMEOUT = httpx2.Timeout(5, connect=3, pool=10)  # seconds for each step of a request by tiktok.api()
MAX_CONNECTIONS = 100  # of each pool
LIMITS = httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=20)
CLOSED = (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError)


class Pools:
    """One connection pool per event loop, because loops cannot share a pool."""

    def __init__(self, transport: httpx2.AsyncBaseTransport | None, *, trust_env: bool, private: bool) -> None:
        self.given = transport
        self.trust_env = trust_env
        self.private = private
        self.pools: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncBaseTransport] = WeakKeyDictionary()
        if transport is None and trust_env:
            EnvironmentTransport(LIMITS)  # raises an error at start, and not at the first login

    def transport(self) -> httpx2.AsyncBaseTransport:
        """Return the given transport, or the pool of the running loop, which is created on first use."""
        if self.given is not None:
            return self.given
        loop = running_loop()
        if loop not in self.pools:
            self.pools[loop] = self.new_pool()
        return self.pools[loop]

    def new_pool(self) -> httpx2.AsyncBaseTransport:
        """Return a new connection pool."""
        if self.private:
            from asgi_tiktok.client.private_network import PrivateNetworkTransport

            return PrivateNetworkTransport(LIMITS)
        if self.trust_env:
            return EnvironmentTransport(LIMITS)
        return httpx2.AsyncHTTPTransport(trust_env=False, limits=LIMITS)

    async def aclose(self) -> None:
        """Close the pool of the running loop, but not a given transport. The next request opens a new pool."""
        pool = self.pools.pop(running_loop(), None)
        if pool is not None:
            await pool.aclose()


class SharedTransport(httpx2.AsyncBaseTransport):
    """The pool of the running loop, shared by short-lived clients. Closing a client does not close it.

    An error that is not httpx2's becomes Unavailable. No error keeps the frames below, which hold tokens.
    """

    def __init__(self, pools: Pools) -> None:
        self.pools = pools

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["User-Agent"] = "asgi-tiktok"
        try:
            return await traced(request, self.send)
        except httpx2.PoolTimeout:
            failure: Unavailable = UpstreamTimeout(
                f"All {MAX_CONNECTIONS} connections are busy.",
                stage="api",
                code="busy",
                status_code=503,
                hint="Send fewer requests to TikTok at once, or add workers.",
            )
            failure._sent = False
        except (httpx2.HTTPError, TikTokError) as error:
            raise without_traceback(error)  # noqa: B904 - it is the same error
        except Exception as error:
            failure = network_failure(error, "api")
        raise failure

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request, and once more if the connection was closed before the request was written to it."""
        trace = request.extensions["trace"] = Trace(request.extensions.get("trace"))
        try:
            return await self.pools.transport().handle_async_request(request)
        except CLOSED as error:
            # A body from a generator or a file may have been consumed, and cannot be sent again.
            if not trace.is_unwritten(error) or not isinstance(request.stream, httpx2.ByteStream):
                raise
        return await self.pools.transport().handle_async_request(request)


class BoundedTransport(SharedTransport):
    """Rejects a response above MAX_RESPONSE, and a compressed one, because its true size is unknown."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Accept-Encoding"] = "identity"
        return await bounded(await super().handle_async_request(request))

    async def fetch(self, request: httpx2.Request) -> httpx2.Response:
        """Return the whole response. An `AsyncClient` would also follow redirects and keep cookies."""
        async with aclosing(await self.handle_async_request(request)) as response:
            await response.aread()
        return response


class APITransport(SharedTransport):
    """Limits a response only if it has status 401, because `tiktok.api()` reads that one itself."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Accept-Encoding"] = "identity"
        response = await super().handle_async_request(request)
        return await bounded(response) if response.status_code == 401 else response


async def bounded(response: httpx2.Response) -> httpx2.Response:
    """Return the response with a body of limited size. Raises InvalidResponse for a compressed one."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        await response.aclose()
        raise InvalidResponse("TikTok's response is compressed, but the request accepts no compression.")
    return httpx2.Response(
        response.status_code,
        headers=response.headers,
        stream=BoundedStream(response),
        extensions=response.extensions,
    )


class BoundedStream(httpx2.AsyncByteStream):
    """The body of a response, up to MAX_RESPONSE."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in cast(httpx2.AsyncByteStream, self.response.stream):
            size += len(chunk)
            if size > MAX_RESPONSE:
                raise InvalidResponse(f"TikTok's response is larger than {MAX_RESPONSE} bytes.")
            yield chunk

    async def aclose(self) -> None:
        await self.response.aclose()
