"""A TikTok that fails, and a store that fails."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2

from asgi_tiktok import MemoryStore, StoreError
from asgi_tiktok.emulator import Emulator

Fault = Callable[[httpx2.Request], httpx2.Response]


class Faulty(httpx2.AsyncBaseTransport):
    """The emulator, with one endpoint out of order."""

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
    def fault(request: httpx2.Request) -> httpx2.Response:
        raise error

    return fault


def answering(status: int, **answer: Any) -> Fault:
    return lambda request: httpx2.Response(status, **answer)


FAULTS: dict[str, tuple[Fault, int]] = {
    "refused": (raising(httpx2.ConnectError("refused")), 503),
    "reset": (raising(httpx2.ReadError("reset")), 503),
    "slow": (raising(httpx2.ReadTimeout("slow")), 504),
    "500": (answering(500, json={"error": "server_error"}), 503),
    "503 HTML": (answering(503, html="<h1>busy</h1>"), 503),
    "429": (answering(429, json={"error": "rate_limit_exceeded"}, headers={"retry-after": "9"}), 503),
    "200 HTML": (answering(200, html="<h1>hello</h1>"), 502),
    "list": (answering(200, json=[]), 502),
    "null": (answering(200, content=b"null"), 502),
    "half": (answering(200, content=b'{"access_token": "act'), 502),
    "empty": (answering(200), 502),
    "nothing": (answering(200, json={}), 502),
    "redirect": (answering(302, headers={"location": "https://elsewhere.example"}), 502),
    "huge": (answering(200, content=b"x" * 1_000_000), 502),
}


class Failing:
    """A store that does not answer for the next steps of one kind."""

    def __init__(self) -> None:
        self.memory = MemoryStore()
        self.failing: dict[str, int] = {}

    def step(self, kind: str) -> MemoryStore:
        if self.failing.get(kind, 0) > 0:
            self.failing[kind] -= 1
            raise StoreError("The store is away.")
        return self.memory

    async def get(self, key: str) -> bytes | None:
        return await self.step("get").get(key)

    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        await self.step("set").set(key, value, ttl=ttl, owner=owner)

    async def add(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> bool:
        return await self.step("add").add(key, value, ttl=ttl, owner=owner)

    async def replace(self, key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        return await self.step("replace").replace(key, old, new, ttl=ttl, owner=owner)

    async def delete(self, key: str, value: bytes | None = None) -> bool:
        return await self.step("delete").delete(key, value)

    def owned(self, owner: str) -> AsyncIterator[str]:
        return self.step("owned").owned(owner)

    async def delete_owned(self, owner: str) -> int:
        return await self.step("delete_owned").delete_owned(owner)

    async def aclose(self) -> None:
        await self.memory.aclose()
