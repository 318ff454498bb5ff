"""A refresh token is never lost: slow responses, broken connections, pauses, and short lifetimes."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import pytest

from asgi_tiktok import ConfigurationError, LoginRequired, MemoryStore, RateLimited, TikTok, Token, Unavailable
from asgi_tiktok.accounts import tokens
from asgi_tiktok.emulator import Emulator
from tests.support.clock import Clock
from tests.support.faults import FaultyTransport, raising, responding
from tests.support.held_tiktok import HeldTransport
from tests.support.people import AMARA
from tests.support.tiktok import count_requests, fetch_token, new_tiktok

pytestmark = pytest.mark.anyio

TOKEN_PATH = "/v2/oauth/token/"


@pytest.fixture
def held(emulator: Emulator) -> HeldTransport:
    return HeldTransport(emulator)


@pytest.fixture
def faulty(emulator: Emulator) -> FaultyTransport:
    """A TikTok whose token endpoint can fail. It works until a test sets `fault`."""
    transport = FaultyTransport(emulator)
    transport.path = TOKEN_PATH
    return transport


@pytest.fixture
async def worker(emulator: Emulator, store: MemoryStore) -> AsyncIterator[TikTok]:
    """A worker that reaches TikTok, and whose user has a token that has expired."""
    worker = new_tiktok(httpx2.ASGITransport(emulator), store=store)
    await worker._tokens.save(await fetch_token(worker, emulator))
    emulator.exchanges.clear()
    yield worker
    await worker.aclose()


async def wait_for_refreshes(tiktok: TikTok) -> None:
    await asyncio.wait({asyncio.create_task(tiktok._tokens.aclose())})


async def ask_and_give_up(tiktok: TikTok, held: HeldTransport) -> None:
    """Ask for the token until TikTok's response to the refresh is held back."""
    async with anyio.create_task_group() as caller:
        caller.start_soon(tiktok.token, AMARA.open_id)
        await held.responded.wait()
        caller.cancel_scope.cancel()


async def test_response_after_the_callers_deadline_is_saved(
    worker: TikTok, held: HeldTransport, emulator: Emulator, store: MemoryStore, clock: Clock, monkeypatch: Any
) -> None:
    """TikTok answers after 12 seconds. Callers give up after 10, here after 0.05."""
    monkeypatch.setattr(tokens, "CALLER_WAIT", 0.05)
    slow = new_tiktok(held, store=store)
    held.holding = True
    clock.advance(hours=3)
    for caller in (slow, slow, worker):
        with pytest.raises(Unavailable, match="not ended"):
            await caller.token(AMARA.open_id)
    held.release.set()
    await wait_for_refreshes(slow)

    assert (await worker.token(AMARA.open_id)).access_token in emulator.grants.access_tokens
    assert (await slow.token(AMARA.open_id)) == (await worker.token(AMARA.open_id))
    assert count_requests(emulator) == 1


async def test_old_token_is_used_while_tiktok_does_not_respond(
    worker: TikTok, held: HeldTransport, store: MemoryStore, clock: Clock, monkeypatch: Any
) -> None:
    monkeypatch.setattr(tokens, "CALLER_WAIT", 0.05)
    slow = new_tiktok(held, store=store)
    old = await slow.token(AMARA.open_id)
    held.holding = True
    clock.advance(hours=1.99)

    assert [await caller.token(AMARA.open_id) for caller in (slow, slow, worker)] == [old] * 3
    held.release.set()
    await wait_for_refreshes(slow)
    assert await worker.token(AMARA.open_id) != old


async def test_shutdown_waits_for_the_response(
    worker: TikTok, held: HeldTransport, emulator: Emulator, store: MemoryStore, clock: Clock
) -> None:
    slow = new_tiktok(held, store=store)
    held.holding = True
    clock.advance(hours=3)
    await ask_and_give_up(slow, held)
    async with anyio.create_task_group() as group:
        group.start_soon(slow.aclose)
        await anyio.wait_all_tasks_blocked()
        held.release.set()

    assert (await worker.token(AMARA.open_id)).access_token in emulator.grants.access_tokens
    assert count_requests(emulator) == 1


async def test_shutdown_grace_ends_the_wait(
    worker: TikTok, held: HeldTransport, store: MemoryStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    slow = new_tiktok(held, store=store, shutdown_grace=0)
    held.holding = True
    clock.advance(hours=3)
    await ask_and_give_up(slow, held)
    await slow.aclose()

    assert "1 refreshes unfinished at shutdown" in caplog.text
    held.release.set()
    await wait_for_refreshes(slow)


@pytest.mark.parametrize("seconds", [-1, 1.5, "10"])
def test_shutdown_grace_must_be_a_number_of_seconds(seconds: Any) -> None:
    with pytest.raises(ConfigurationError, match="shutdown_grace"):
        new_tiktok(shutdown_grace=seconds)


async def test_refresh_token_is_not_sent_again_within_70_seconds(
    worker: TikTok, held: HeldTransport, emulator: Emulator, store: MemoryStore, clock: Clock
) -> None:
    """The connection breaks after TikTok has rotated. Callers who ask meanwhile do not extend the pause."""
    broken = new_tiktok(held, store=store)
    held.error = httpx2.ReadError("reset")
    clock.advance(hours=3)
    for seconds in (0, 20, 20, 20):
        clock.advance(seconds)
        for caller in (broken, worker):
            with pytest.raises(Unavailable):
                await caller.token(AMARA.open_id)
    assert count_requests(emulator) == 1

    clock.advance(11)
    with pytest.raises(Unavailable, match="may have the new token"):
        await worker.token(AMARA.open_id)
    assert count_requests(emulator) == 2
    clock.advance(48)
    with pytest.raises(Unavailable):
        await worker.token(AMARA.open_id)
    assert count_requests(emulator) == 2
    clock.advance(2)
    with pytest.raises(LoginRequired):
        await worker.token(AMARA.open_id)


@pytest.mark.parametrize("seconds", [1, 90, 6000])
async def test_rate_limit_pauses_every_worker_until_retry_after(
    worker: TikTok, faulty: FaultyTransport, emulator: Emulator, store: MemoryStore, clock: Clock, seconds: int
) -> None:
    limited = new_tiktok(faulty, store=store)
    faulty.fault = responding(429, json={}, headers={"retry-after": str(seconds)})
    clock.advance(hours=3)
    with pytest.raises(RateLimited):
        await limited.token(AMARA.open_id)
    with pytest.raises(RateLimited):
        await limited.token(AMARA.open_id)
    with pytest.raises(Unavailable, match=f"next attempt in {min(seconds, 600)} s"):
        await worker.token(AMARA.open_id)
    assert (faulty.calls, count_requests(emulator)) == (1, 0)

    clock.advance(min(seconds, 600) + 0.5)
    assert await worker.token(AMARA.open_id)
    assert count_requests(emulator) == 1


@pytest.mark.parametrize("error", [httpx2.ConnectError("refused"), httpx2.PoolTimeout("busy")])
async def test_request_that_was_not_sent_is_tried_again_after_a_second(
    worker: TikTok, faulty: FaultyTransport, store: MemoryStore, clock: Clock, error: Exception
) -> None:
    refused = new_tiktok(faulty, store=store)
    faulty.fault = raising(error)
    clock.advance(hours=3)
    with pytest.raises(Unavailable):
        await refused.token(AMARA.open_id)
    clock.advance(1.1)

    assert await worker.token(AMARA.open_id)


async def test_response_without_a_refresh_token_keeps_the_old_one(
    worker: TikTok, faulty: FaultyTransport, store: MemoryStore, clock: Clock
) -> None:
    """RFC 6749 §6 allows this response."""
    tiktok = new_tiktok(faulty, store=store)
    old = await tiktok.token(AMARA.open_id)
    faulty.fault = responding(
        200, json={"access_token": "act.new", "expires_in": 7200, "open_id": AMARA.open_id, "token_type": "Bearer"}
    )
    clock.advance(hours=3)
    new = await tiktok.token(AMARA.open_id)

    assert new.access_token == "act.new"
    assert (new.refresh_token, new.refresh_expires_at) == (old.refresh_token, old.refresh_expires_at)
    faulty.fault = None
    clock.advance(hours=3)
    assert (await tiktok.token(AMARA.open_id)).refresh_token != old.refresh_token


async def test_token_that_lives_shorter_than_the_lead_time_is_refreshed_once(
    worker: TikTok, faulty: FaultyTransport, store: MemoryStore, clock: Clock
) -> None:
    workers = [new_tiktok(faulty, store=store) for _ in range(3)]
    body = {"access_token": "act.new", "expires_in": 20, "open_id": AMARA.open_id, "refresh_token": "rft.new"}
    faulty.fault = responding(200, json=body)
    clock.advance(hours=3)
    received: set[Token] = set()

    async def call(tiktok: TikTok) -> None:
        received.add(await tiktok.token(AMARA.open_id))

    for _ in range(2):
        async with anyio.create_task_group() as group:
            for tiktok in workers * 5:
                group.start_soon(call, tiktok)

    assert {token.access_token for token in received} == {"act.new"}
    assert faulty.calls == 1
    clock.advance(16)
    await workers[0].token(AMARA.open_id)
    assert faulty.calls == 2


async def test_worker_that_waited_for_the_lease_accepts_a_token_that_ends_soon(
    worker: TikTok, emulator: Emulator, store: MemoryStore, clock: Clock
) -> None:
    """Another worker has refreshed meanwhile, and the new token is valid for two more seconds only."""
    stored = await worker._tokens.records.load(AMARA.open_id)
    assert stored
    lease = "lease:" + worker._tokens.records.name_of(AMARA.open_id)
    clock.advance(hours=3)
    await store.add(lease, b"another worker", ttl=60)
    async with anyio.create_task_group() as group:
        group.start_soon(worker.token, AMARA.open_id)
        # Not until all tasks are blocked, because one that polls the lease can look busy each time.
        await anyio.sleep(0.05)
        soon = replace(stored.token, access_token="act.soon", expires_at=int(clock()) + 2)
        await worker._tokens.records.replace(stored, replace(stored.consent, token=soon))
        await store.delete(lease)

    assert count_requests(emulator) == 0


async def test_failures_are_logged_without_the_token(
    worker: TikTok, held: HeldTransport, store: MemoryStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    broken = new_tiktok(held, store=store)
    held.error = httpx2.ReadError("reset")
    clock.advance(hours=3)
    with pytest.raises(Unavailable):
        await broken.token(AMARA.open_id)

    assert "rft." not in caplog.text
