"""A TikTok that fails, and a store that fails."""

from collections.abc import Callable
from typing import Any

import httpx2

from asgi_tiktok import MemoryStore, StoreError
from asgi_tiktok.emulator import Emulator
from tests.support.wrapped_store import WrappedStore

Fault = Callable[[httpx2.Request], httpx2.Response]


class FaultyTransport(httpx2.AsyncBaseTransport):
    """A transport to the emulator on which one endpoint fails.

    Attributes:
        path: The path of the endpoint that fails.
        fault: What a request to this endpoint gets. None: all endpoints work.
        calls: The number of requests that got the fault.
    """

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = httpx2.ASGITransport(emulator)
        self.path = ""
        self.fault: Fault | None = None
        self.calls = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.fault is None or request.url.path != self.path:
            return await self.emulator.handle_async_request(request)
        self.calls += 1
        return self.fault(request)


def raising(error: Exception) -> Fault:
    """Return a fault that raises the error."""

    def fault(request: httpx2.Request) -> httpx2.Response:
        raise error

    return fault


def responding(status: int, **response: Any) -> Fault:
    """Return a fault that is a response with this status and these parameters of `httpx2.Response`."""
    return lambda request: httpx2.Response(status, **response)


FAULTS: dict[str, tuple[Fault, int]] = {
    "refused": (raising(httpx2.ConnectError("refused")), 503),
    "reset": (raising(httpx2.ReadError("reset")), 503),
    "slow": (raising(httpx2.ReadTimeout("slow")), 504),
    "RuntimeError": (raising(RuntimeError("the handler is closed")), 503),
    "OSError": (raising(OSError(24, "Too many open files")), 503),
    "ValueError": (raising(ValueError("invalid")), 503),
    "group": (raising(ExceptionGroup("unhandled errors", [RuntimeError("closed")])), 503),
    "500": (responding(500, json={"error": "server_error"}), 503),
    "503 HTML": (responding(503, html="<h1>busy</h1>"), 503),
    "429": (responding(429, json={"error": "rate_limit_exceeded"}, headers={"retry-after": "9"}), 503),
    "200 HTML": (responding(200, html="<h1>hello</h1>"), 502),
    "list": (responding(200, json=[]), 502),
    "null": (responding(200, content=b"null"), 502),
    "half": (responding(200, content=b'{"access_token": "act'), 502),
    "empty": (responding(200), 502),
    "nothing": (responding(200, json={}), 502),
    "redirect": (responding(302, headers={"location": "https://elsewhere.example"}), 502),
    "huge": (responding(200, content=b"x" * 1_000_000), 502),
}
"""Faults of the token endpoint and the user info endpoint, each with the status of the page that a visitor gets."""


class FailingStore(WrappedStore):
    """A store in memory whose operations can fail.

    Attributes:
        memory: The store in memory.
        failures: How many of the next calls of an operation raise `StoreError`, by the name of the operation.
    """

    def __init__(self) -> None:
        self.memory = MemoryStore()
        self.failures: dict[str, int] = {}
        super().__init__(self.memory)

    async def before(self, operation: str) -> None:
        if self.failures.get(operation, 0) > 0:
            self.failures[operation] -= 1
            raise StoreError("The store is unavailable.")
