"""A valid token, refreshed once at a time."""

import time
import traceback
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest

from asgi_tiktok import LoginRequired, MemoryStore, StoreError, TikTok, Token, TokenError, Unavailable
from asgi_tiktok.accounts import refresh
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
    """A TikTok app with the token of the first user in the store."""
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store)
    await tiktok._tokens.save(await fetch_token(tiktok, emulator))
    emulator.exchanges.clear()
    yield tiktok
    await tiktok.aclose()


async def test_fresh_token_is_returned_unchanged(tiktok: TikTok, emulator: Emulator) -> None:
    assert (await tiktok.token(AMARA.open_id)).open_id == AMARA.open_id
    assert count_requests(emulator) == 0


async def test_scopes_of_the_stored_token_are_known_without_a_request(tiktok: TikTok, clock: Clock) -> None:
    clock.advance(hours=3)

    assert await tiktok._tokens.scopes_of(AMARA.open_id) == ("user.info.basic",)
    assert await tiktok._tokens.scopes_of("nobody") == ()


async def test_expiring_token_is_refreshed_and_saved(tiktok: TikTok, emulator: Emulator, clock: Clock) -> None:
    old = await tiktok.token(AMARA.open_id)
    clock.advance(hours=1.99)
    new = await tiktok.token(AMARA.open_id)

    assert new.access_token != old.access_token
    assert new.refresh_token != old.refresh_token
    assert new.scopes == old.scopes
    assert await tiktok.token(AMARA.open_id) == new
    assert count_requests(emulator) == 1


async def test_thousand_callers_refresh_once(tiktok: TikTok, emulator: Emulator, clock: Clock) -> None:
    clock.advance(hours=3)
    received: set[Token] = set()

    async def call() -> None:
        received.add(await tiktok.token(AMARA.open_id))

    async with anyio.create_task_group() as group:
        for _ in range(1000):
            group.start_soon(call)

    assert len(received) == 1
    assert count_requests(emulator) == 1


async def test_four_workers_refresh_once(
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


async def test_refresh_of_a_cancelled_caller_is_completed(tiktok: TikTok, emulator: Emulator, clock: Clock) -> None:
    clock.advance(hours=3)
    with anyio.move_on_after(0):
        await tiktok.token(AMARA.open_id)
    while tiktok._tokens.in_flight:
        await anyio.sleep(0.01)
    await tiktok.token(AMARA.open_id)

    assert count_requests(emulator) == 1


async def test_revoked_grant_requires_a_login(tiktok: TikTok, emulator: Emulator, clock: Clock) -> None:
    emulator.grants.remove(tiktok._client.client_key, AMARA.open_id)
    clock.advance(hours=3)
    with pytest.raises(LoginRequired):
        await tiktok.token(AMARA.open_id)
    with pytest.raises(LoginRequired, match="No token is stored"):
        await tiktok.token(AMARA.open_id)

    assert count_requests(emulator) == 1


async def test_invalid_grant_is_ignored_if_another_worker_has_saved_a_token(
    tiktok: TikTok, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.advance(hours=3)
    stored = await tiktok._tokens.records.load(AMARA.open_id)
    assert stored
    renewed = await tiktok._client.refresh_token(stored.token.refresh_token or "")
    refusal = TokenError("expired", stage="refresh", code="invalid_grant")

    async def refresh_token(refresh_token: str, *, scopes: tuple[str, ...]) -> Token:
        await tiktok._tokens.save(renewed)
        raise refusal

    monkeypatch.setattr(tiktok._client, "refresh_token", refresh_token)
    assert await tiktok.token(AMARA.open_id) == renewed


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("down", stage="refresh"),
        TokenError("wrong secret", stage="refresh", code="invalid_client"),
    ],
)
async def test_old_token_is_used_until_it_expires_if_the_refresh_fails(
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
    stored = await tiktok._tokens.records.load(AMARA.open_id)
    assert stored
    assert stored.token == old


async def test_token_of_another_user_is_rejected(
    tiktok: TikTok, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refresh_token(refresh_token: str, *, scopes: tuple[str, ...]) -> Token:
        return Token(open_id="mallory", scopes=(), access_token="act.x", expires_at=9_999_999_999)

    monkeypatch.setattr(tiktok._client, "refresh_token", refresh_token)
    clock.advance(hours=3)
    with pytest.raises(LoginRequired, match="another user"):
        await tiktok.token(AMARA.open_id)


async def test_token_without_a_refresh_token_works_until_it_expires(tiktok: TikTok, clock: Clock) -> None:
    token = Token(open_id="bob", scopes=(), access_token="act.x", expires_at=int(time.time()) + 60)
    await tiktok._tokens.save(token)

    assert await tiktok.token("bob") == token
    clock.advance(hours=1)
    with pytest.raises(LoginRequired, match="no refresh token"):
        await tiktok.token("bob")


async def test_lease_that_is_never_released_ends_in_unavailable(
    tiktok: TikTok, store: MemoryStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE_WAIT", 0.1)
    await store.add("lease:" + tiktok._tokens.records.name_of(AMARA.open_id), b"another worker", ttl=10**6)
    clock.advance(hours=1.99)
    assert (await tiktok.token(AMARA.open_id)).open_id == AMARA.open_id
    clock.advance(hours=1)
    with pytest.raises(Unavailable, match="Another worker"):
        await tiktok.token(AMARA.open_id)


async def test_open_ids_are_case_sensitive(tiktok: TikTok) -> None:
    for open_id in ("OpenId", "openid"):
        token = Token(open_id=open_id, scopes=(), access_token=f"act.{open_id}", expires_at=9_999_999_999)
        await tiktok._tokens.save(token)

    assert (await tiktok.token("OpenId")).access_token == "act.OpenId"
    assert (await tiktok.token("openid")).access_token == "act.openid"


async def test_unreadable_record_requires_a_login(tiktok: TikTok, store: MemoryStore) -> None:
    await store.set(tiktok._tokens.records.name_of(AMARA.open_id), b"\x01garbage" * 10, ttl=60)
    with pytest.raises(LoginRequired):
        await tiktok.token(AMARA.open_id)


async def test_tokens_of_another_app_are_separate(tiktok: TikTok, store: MemoryStore) -> None:
    other = new_tiktok(client_key="awother", store=store, redirect_uri=REDIRECT_URI)
    with pytest.raises(LoginRequired):
        await other.token(AMARA.open_id)


async def test_suspended_worker_loses_no_token_after_an_earlier_failure(
    tiktok: TikTok, emulator: Emulator, store: MemoryStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing, slow, third = (new_tiktok(httpx2.ASGITransport(emulator), store=store) for _ in range(3))
    refresh = slow._client.refresh_token
    responded, go_on = anyio.Event(), anyio.Event()

    async def fail(refresh_token: str, *, scopes: tuple[str, ...]) -> Token:
        raise Unavailable("down", stage="refresh")

    async def wait(refresh_token: str, *, scopes: tuple[str, ...]) -> Token:
        renewed = await refresh(refresh_token, scopes=scopes)
        responded.set()
        await go_on.wait()
        return renewed

    monkeypatch.setattr(failing._client, "refresh_token", fail)
    monkeypatch.setattr(slow._client, "refresh_token", wait)
    clock.advance(hours=3)
    with pytest.raises(Unavailable):
        await failing.token(AMARA.open_id)
    clock.advance(150)
    async with anyio.create_task_group() as group:
        group.start_soon(slow.token, AMARA.open_id)
        await responded.wait()
        await store.delete("lease:" + tiktok._tokens.records.name_of(AMARA.open_id))
        clock.advance(31)
        with pytest.raises(Unavailable):
            await third.token(AMARA.open_id)
        go_on.set()

    assert (await tiktok.token(AMARA.open_id)).expires_at > time.time()


async def test_unsaved_token_is_saved_when_the_store_is_back(
    tiktok: TikTok, emulator: Emulator, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "SAVE_PAUSES", (0.01,))
    clock.advance(hours=3)
    replace, calls = tiktok._store.replace, 0

    async def fail(key: str, old: bytes, new: bytes, *, ttl: int, owner: str | None = None) -> bool:
        nonlocal calls
        calls += key.startswith("token:")
        if key.startswith("token:") and calls > 1:
            raise StoreError("unavailable")
        return await replace(key, old, new, ttl=ttl, owner=owner)

    with monkeypatch.context() as patch:
        patch.setattr(tiktok._store, "replace", fail)
        with pytest.raises(StoreError):
            await tiktok.token(AMARA.open_id)

    with anyio.move_on_after(0):
        await tiktok.token(AMARA.open_id)  # the cancelled caller does not cancel the save
    received: set[Token] = set()

    async def call() -> None:
        received.add(await tiktok.token(AMARA.open_id))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(call)
    assert [token.expires_at > time.time() for token in received] == [True]
    assert count_requests(emulator) == 1
    assert tiktok._tokens.refresher.unsaved == {}


async def test_token_is_sealed_with_the_newest_key_when_it_is_read(
    emulator: Emulator, tiktok: TikTok, store: MemoryStore
) -> None:
    def under(*keys: str) -> TikTok:
        return new_tiktok(httpx2.ASGITransport(emulator), store=store, secret_key=keys)

    rotated = under(OLD_SECRET_KEY, SECRET_KEY)
    assert [token.open_id async for token in rotated.stored_tokens()] == [AMARA.open_id]
    assert (await under(OLD_SECRET_KEY).token(AMARA.open_id)).open_id == AMARA.open_id


async def test_traceback_does_not_grow_while_no_refresh_is_sent(
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
