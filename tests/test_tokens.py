"""A valid token, refreshed once at a time."""

import time
import traceback
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest

from asgi_tiktok import LoginRequired, MemoryStore, StoreError, TikTok, Token, TokenError, Unavailable
from asgi_tiktok.accounts import tokens
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.stores import lease
from tests.support.canaries import OLD_SECRET_KEY, SECRET_KEY
from tests.support.clock import Clock
from tests.support.people import AMARA
from tests.support.settings import REDIRECT_URI
from tests.support.tiktok import count_requests, fetch_token, new_tiktok

pytestmark = pytest.mark.anyio


@pytest.fixture
async def tiktok(emulator: Emulator, store: MemoryStore) -> AsyncIterator[TikTok]:
    """With the first person's token in the store."""
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store)
    await tiktok._tokens.save(await fetch_token(tiktok, emulator))
    emulator.exchanges.clear()
    yield tiktok
    await tiktok.aclose()


async def test_a_fresh_token_is_used_as_it_is(tiktok: TikTok, emulator: Emulator) -> None:
    assert (await tiktok.token(AMARA.open_id)).open_id == AMARA.open_id
    assert count_requests(emulator) == 0


async def test_an_old_token_is_renewed_and_saved(tiktok: TikTok, emulator: Emulator, clock: Clock) -> None:
    old = await tiktok.token(AMARA.open_id)
    clock.advance(hours=1.99)
    new = await tiktok.token(AMARA.open_id)

    assert new.access_token != old.access_token
    assert new.refresh_token != old.refresh_token
    assert new.scopes == old.scopes
    assert await tiktok.token(AMARA.open_id) == new
    assert count_requests(emulator) == 1


async def test_of_a_thousand_callers_one_asks_tiktok(tiktok: TikTok, emulator: Emulator, clock: Clock) -> None:
    clock.advance(hours=3)
    received: set[Token] = set()

    async def call() -> None:
        received.add(await tiktok.token(AMARA.open_id))

    async with anyio.create_task_group() as group:
        for _ in range(1000):
            group.start_soon(call)

    assert len(received) == 1
    assert count_requests(emulator) == 1


async def test_of_two_workers_one_asks_tiktok(
    tiktok: TikTok, emulator: Emulator, store: MemoryStore, clock: Clock
) -> None:
    workers = [tiktok] + [new_tiktok(httpx2.ASGITransport(emulator), store=store) for _ in range(3)]
    clock.advance(hours=3)
    received: set[Token] = set()

    async def call(worker: TikTok) -> None:
        received.add(await worker.token(AMARA.open_id))

    async with anyio.create_task_group() as group:
        for worker in workers:
            group.start_soon(call, worker)

    assert len(received) == 1
    assert count_requests(emulator) == 1
    assert not any(key.startswith("lease:") for key in store._records)


async def test_a_caller_who_leaves_loses_no_token(tiktok: TikTok, emulator: Emulator, clock: Clock) -> None:
    clock.advance(hours=3)
    with anyio.move_on_after(0):
        await tiktok.token(AMARA.open_id)
    while tiktok._tokens.in_flight:
        await anyio.sleep(0.01)
    await tiktok.token(AMARA.open_id)

    assert count_requests(emulator) == 1


async def test_what_tiktok_has_ended_needs_a_login(tiktok: TikTok, emulator: Emulator, clock: Clock) -> None:
    emulator.grants.remove(tiktok._client.client_key, AMARA.open_id)
    clock.advance(hours=3)
    with pytest.raises(LoginRequired):
        await tiktok.token(AMARA.open_id)
    with pytest.raises(LoginRequired, match="No token is stored"):
        await tiktok.token(AMARA.open_id)

    assert count_requests(emulator) == 1


async def test_a_sibling_who_was_faster_is_believed(
    tiktok: TikTok, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.advance(hours=3)
    kept = await tiktok._tokens.records.load(AMARA.open_id)
    assert kept
    renewed = await tiktok._client.refresh_token(kept.token.refresh_token or "")
    refuse = TokenError("expired", stage="refresh", code="invalid_grant")

    async def refresh_token(refresh_token: str, *, scopes: tuple[str, ...]) -> Token:
        await tiktok._tokens.save(renewed)
        raise refuse

    monkeypatch.setattr(tiktok._client, "refresh_token", refresh_token)
    assert await tiktok.token(AMARA.open_id) == renewed


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("down", stage="refresh"),
        TokenError("wrong secret", stage="refresh", code="invalid_client"),
    ],
)
async def test_a_passing_fault_leaves_the_token_while_it_lasts(
    tiktok: TikTok, clock: Clock, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def refresh_token(refresh_token: str, *, scopes: tuple[str, ...]) -> Token:
        raise error

    monkeypatch.setattr(tiktok._client, "refresh_token", refresh_token)
    old = await tiktok.token(AMARA.open_id)
    clock.advance(hours=1.99)
    assert await tiktok.token(AMARA.open_id) == old
    clock.advance(hours=1)
    with pytest.raises(type(error)):
        await tiktok.token(AMARA.open_id)
    kept = await tiktok._tokens.records.load(AMARA.open_id)
    assert kept
    assert kept.token == old


async def test_somebody_elses_token_is_never_taken(
    tiktok: TikTok, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refresh_token(refresh_token: str, *, scopes: tuple[str, ...]) -> Token:
        return Token(open_id="mallory", scopes=(), access_token="act.x", expires_at=9_999_999_999)

    monkeypatch.setattr(tiktok._client, "refresh_token", refresh_token)
    clock.advance(hours=3)
    with pytest.raises(LoginRequired, match="another user"):
        await tiktok.token(AMARA.open_id)


async def test_a_token_without_a_refresh_token_lasts_as_long_as_it_lasts(tiktok: TikTok, clock: Clock) -> None:
    token = Token(open_id="bob", scopes=(), access_token="act.x", expires_at=int(time.time()) + 60)
    await tiktok._tokens.save(token)

    assert await tiktok.token("bob") == token
    clock.advance(hours=1)
    with pytest.raises(LoginRequired, match="no refresh token"):
        await tiktok.token("bob")


async def test_a_lease_that_is_never_given_back_is_waited_for_in_vain(
    tiktok: TikTok, store: MemoryStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE_WAIT", 0.1)
    await store.add("lease:" + tiktok._tokens.records.name_of(AMARA.open_id), b"somebody", ttl=10**6)
    clock.advance(hours=1.99)
    assert (await tiktok.token(AMARA.open_id)).open_id == AMARA.open_id
    clock.advance(hours=1)
    with pytest.raises(Unavailable, match="Another worker"):
        await tiktok.token(AMARA.open_id)


async def test_people_are_told_apart_to_the_letter(tiktok: TikTok) -> None:
    for open_id in ("OpenId", "openid"):
        token = Token(open_id=open_id, scopes=(), access_token=f"act.{open_id}", expires_at=9_999_999_999)
        await tiktok._tokens.save(token)

    assert (await tiktok.token("OpenId")).access_token == "act.OpenId"
    assert (await tiktok.token("openid")).access_token == "act.openid"


async def test_a_record_nobody_can_read_needs_a_login(tiktok: TikTok, store: MemoryStore) -> None:
    await store.set(tiktok._tokens.records.name_of(AMARA.open_id), b"\x01garbage" * 10, ttl=60)
    with pytest.raises(LoginRequired):
        await tiktok.token(AMARA.open_id)


async def test_another_apps_tokens_are_its_own(tiktok: TikTok, store: MemoryStore) -> None:
    other = new_tiktok(client_key="awother", store=store, redirect_uri=REDIRECT_URI)
    with pytest.raises(LoginRequired):
        await other.token(AMARA.open_id)


async def test_a_worker_that_stands_still_after_an_earlier_failure_loses_nothing(
    tiktok: TikTok, emulator: Emulator, store: MemoryStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing, slow, third = (new_tiktok(httpx2.ASGITransport(emulator), store=store) for _ in range(3))
    ask = slow._client.refresh_token
    answered, go_on = anyio.Event(), anyio.Event()

    async def fail(refresh_token: str, *, scopes: tuple[str, ...]) -> Token:
        raise Unavailable("down", stage="refresh")

    async def stand_still(refresh_token: str, *, scopes: tuple[str, ...]) -> Token:
        renewed = await ask(refresh_token, scopes=scopes)
        answered.set()
        await go_on.wait()
        return renewed

    monkeypatch.setattr(failing._client, "refresh_token", fail)
    monkeypatch.setattr(slow._client, "refresh_token", stand_still)
    clock.advance(hours=3)
    with pytest.raises(Unavailable):
        await failing.token(AMARA.open_id)
    clock.advance(150)
    async with anyio.create_task_group() as group:
        group.start_soon(slow.token, AMARA.open_id)
        await answered.wait()
        await store.delete("lease:" + tiktok._tokens.records.name_of(AMARA.open_id))
        clock.advance(31)
        with pytest.raises(Unavailable):
            await third.token(AMARA.open_id)
        go_on.set()

    assert (await tiktok.token(AMARA.open_id)).expires_at > time.time()


async def test_a_token_that_could_not_be_saved_is_saved_when_the_store_is_back(
    tiktok: TikTok, emulator: Emulator, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "SAVE_PAUSES", (0.01,))
    clock.advance(hours=3)
    replace, calls = tiktok._store.replace, 0

    async def away(key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        nonlocal calls
        calls += key.startswith("token:")
        if key.startswith("token:") and calls > 1:
            raise StoreError("away")
        return await replace(key, old, new, ttl=ttl, owner=owner)

    with monkeypatch.context() as patch:
        patch.setattr(tiktok._store, "replace", away)
        with pytest.raises(StoreError):
            await tiktok.token(AMARA.open_id)

    with anyio.move_on_after(0):
        await tiktok.token(AMARA.open_id)  # a caller who leaves takes nothing with them
    received: set[Token] = set()

    async def call() -> None:
        received.add(await tiktok.token(AMARA.open_id))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(call)
    assert [token.expires_at > time.time() for token in received] == [True]
    assert count_requests(emulator) == 1
    assert tiktok._tokens.unsaved == {}


async def test_a_token_moves_to_the_newest_key_when_it_is_read(
    emulator: Emulator, tiktok: TikTok, store: MemoryStore
) -> None:
    def under(*keys: str) -> TikTok:
        return new_tiktok(httpx2.ASGITransport(emulator), store=store, secret_key=keys)

    rotated = under(OLD_SECRET_KEY, SECRET_KEY)
    assert [token.open_id async for token in rotated.stored_tokens()] == [AMARA.open_id]
    assert (await under(OLD_SECRET_KEY).token(AMARA.open_id)).open_id == AMARA.open_id


async def test_errors_do_not_grow_while_tiktok_is_left_alone(
    tiktok: TikTok, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(refresh_token: str, *, scopes: tuple[str, ...]) -> Token:
        raise Unavailable("down", stage="refresh")

    monkeypatch.setattr(tiktok._client, "refresh_token", fail)
    clock.advance(hours=3)
    for _ in range(50):
        with pytest.raises(Unavailable) as caught:
            await tiktok.token(AMARA.open_id)

    assert len(list(traceback.walk_tb(caught.value.__traceback__))) < 20
