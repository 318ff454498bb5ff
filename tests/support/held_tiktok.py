"""A TikTok whose responses to refreshes are held back, or never arrive."""

import anyio
import httpx2

from asgi_tiktok.emulator import Emulator


class HeldTransport(httpx2.AsyncBaseTransport):
    """A transport to the emulator. Requests have taken effect when their responses are held back.

    Attributes:
        holding: Whether responses of the token endpoint are held back until `release` is set.
        error: The error that a caller gets instead of a response of the token endpoint.
        responded: Set when the emulator has responded to a request that is held back.
        release: Ends the wait.
    """

    def __init__(self, emulator: Emulator) -> None:
        self.inner = httpx2.ASGITransport(emulator)
        self.holding = False
        self.error: Exception | None = None
        self.responded, self.release = anyio.Event(), anyio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self.inner.handle_async_request(request)
        if request.url.path == "/v2/oauth/token/":
            if self.holding:
                self.responded.set()
                await self.release.wait()
            if self.error is not None:
                raise self.error
        return response
