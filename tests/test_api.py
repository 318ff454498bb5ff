"""TikTok's API on behalf of one user, and the stored tokens."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace

import anyio
import httpx2
import pytest

from asgi_tiktok import ConfigurationError, LoginRequired, MemoryStore, TikTok, Token, Unavailable
from asgi_tiktok.emulator import Emulator, Person
from tests.support.clock import Clock
from tests.support.people import AMARA, JUN
from tests.support.tiktok import count_requests, fetch_token, new_tiktok

pytestmark = pytest.mark.anyio

ME = "/v2/user/info/?fields=open_id,display_name"


@pytest.fixture
async def tiktok(emulator: Emulator, store: MemoryStore) -> AsyncIterator[TikTok]:
    """A TikTok app with the tokens of two users in the store."""
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store)
    for person in (AMARA, JUN):
        await tiktok._tokens.save(await fetch_token(tiktok, emulator, person))
    emulator.exchanges.clear()
    yield tiktok
    await tiktok.aclose()


async def fetch_display_name(tiktok: TikTok, person: Person) -> str:
    async with tiktok.api(person.open_id) as api:
        response = await api.get(ME)
    return str(response.json()["data"]["user"]["display_name"])


async def test_request_carries_the_users_token(tiktok: TikTok, emulator: Emulator) -> None:
    assert await fetch_display_name(tiktok, AMARA) == AMARA.display_name
    assert count_requests(emulator) == 0


async def test_expired_token_is_refreshed_first(tiktok: TikTok, emulator: Emulator, clock: Clock) -> None:
    clock.advance(hours=3)

    assert await fetch_display_name(tiktok, AMARA) == AMARA.display_name
    assert [exchange.endpoint for exchange in emulator.exchanges] == ["token", "user_info"]


async def test_rejected_token_is_refreshed_and_the_request_repeated_once(
    tiktok: TikTok, emulator: Emulator, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = await tiktok._tokens.records.load(AMARA.open_id)
    assert stored
    stale = Token(
        open_id=AMARA.open_id,
        scopes=stored.token.scopes,
        access_token="act.stale",
        expires_at=stored.token.expires_at,
        refresh_token=stored.token.refresh_token,
    )
    await tiktok._tokens.save(stale)

    assert await fetch_display_name(tiktok, AMARA) == AMARA.display_name
    assert [exchange.endpoint for exchange in emulator.exchanges] == ["user_info", "token", "user_info"]
    assert await fetch_display_name(tiktok, AMARA) == AMARA.display_name
    assert count_requests(emulator) == 1


async def test_many_rejected_requests_refresh_once(tiktok: TikTok, emulator: Emulator) -> None:
    stored = await tiktok._tokens.records.load(AMARA.open_id)
    assert stored
    await tiktok._tokens.save(
        Token(
            open_id=AMARA.open_id,
            scopes=stored.token.scopes,
            access_token="act.stale",
            expires_at=stored.token.expires_at,
            refresh_token=stored.token.refresh_token,
        )
    )
    names = []

    async def call() -> None:
        names.append(await fetch_display_name(tiktok, AMARA))

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(call)

    assert set(names) == {AMARA.display_name}
    assert count_requests(emulator) == 1


async def test_other_errors_are_returned_to_the_caller(tiktok: TikTok, emulator: Emulator) -> None:
    async with tiktok.api(AMARA.open_id) as api:
        response = await api.get("/v2/user/info/?fields=username")

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "scope_not_authorized"
    assert count_requests(emulator) == 0


async def test_streamed_body_is_not_sent_twice(tiktok: TikTok, emulator: Emulator) -> None:
    stored = await tiktok._tokens.records.load(AMARA.open_id)
    assert stored
    await tiktok._tokens.save(replace(stored.token, access_token="act.stale"))

    async def body() -> AsyncIterator[bytes]:
        yield b"{}"

    async with tiktok.api(AMARA.open_id) as api:
        response = await api.request("GET", ME, content=body())

    assert response.status_code == 401
    assert [exchange.endpoint for exchange in emulator.exchanges] == ["user_info", "token"]
    assert await fetch_display_name(tiktok, AMARA) == AMARA.display_name


async def test_disconnected_user_must_sign_in_again(tiktok: TikTok, emulator: Emulator) -> None:
    emulator.grants.remove(tiktok._client.client_key, AMARA.open_id)
    async with tiktok.api(AMARA.open_id) as api:
        with pytest.raises(LoginRequired):
            await api.get(ME)


async def test_unknown_user_must_sign_in(tiktok: TikTok) -> None:
    async with tiktok.api("nobody") as api:
        with pytest.raises(LoginRequired):
            await api.get(ME)


@pytest.mark.parametrize("address", ["https://evil.test/", "http://127.0.0.1:8701/", "https://127.0.0.1:8700/"])
async def test_token_is_sent_only_to_tiktok(tiktok: TikTok, address: str) -> None:
    async with tiktok.api(AMARA.open_id) as api:
        with pytest.raises(ConfigurationError, match="must not be sent to"):
            await api.get(address)


async def test_500_users_at_once_are_never_mixed_up(tiktok: TikTok, emulator: Emulator) -> None:
    async def call(person: Person) -> None:
        assert await fetch_display_name(tiktok, person) == person.display_name

    async with anyio.create_task_group() as group:
        for number in range(500):
            group.start_soon(call, (AMARA, JUN)[number % 2])


async def test_session_has_the_same_api(tiktok: TikTok) -> None:
    from asgi_tiktok import TikTokSession

    with pytest.raises(LoginRequired):
        TikTokSession(tiktok, None, "").api()
    session, _ = await tiktok._sessions.create(await user_of(tiktok, AMARA), (), {})
    async with TikTokSession(tiktok, session, "").api() as api:
        assert (await api.get(ME)).json()["data"]["user"]["display_name"] == AMARA.display_name


async def user_of(tiktok: TikTok, person: Person):  # type: ignore[no-untyped-def]
    return await tiktok._client.fetch_user(await tiktok.token(person.open_id))


class TestDisconnect:
    async def test_disconnect_ends_sessions_grant_and_tokens(
        self, tiktok: TikTok, emulator: Emulator, store: MemoryStore
    ) -> None:
        await tiktok._sessions.create(await user_of(tiktok, AMARA), (), {})
        await tiktok.disconnect(AMARA.open_id)

        assert count_requests(emulator, "revoke") == 1
        assert not any(key.startswith("session:") for key in store._records)
        with pytest.raises(LoginRequired):
            await tiktok.token(AMARA.open_id)
        assert await fetch_display_name(tiktok, JUN) == JUN.display_name

    async def test_unknown_user_is_accepted(self, tiktok: TikTok, emulator: Emulator) -> None:
        await tiktok.disconnect("nobody")

        assert count_requests(emulator, "revoke") == 0

    async def test_disconnect_can_be_repeated_if_tiktok_was_unreachable(
        self, tiktok: TikTok, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await tiktok._sessions.create(await user_of(tiktok, AMARA), (), {})
        with monkeypatch.context() as patch:

            async def revoke_token(access_token: str) -> None:
                raise Unavailable("down", stage="revoke")

            patch.setattr(tiktok._client, "revoke_token", revoke_token)
            with pytest.raises(Unavailable):
                await tiktok.disconnect(AMARA.open_id)
        assert not any(key.startswith("session:") for key in store._records)
        await tiktok.disconnect(AMARA.open_id)
        assert await tiktok._tokens.records.load(AMARA.open_id) is None


class TestStoredTokens:
    async def test_all_users_are_included(self, tiktok: TikTok) -> None:
        people = [token.open_id async for token in tiktok.stored_tokens()]

        assert sorted(people) == sorted([AMARA.open_id, JUN.open_id])

    async def test_ending_within_selects_and_sorts_them(self, tiktok: TikTok) -> None:
        now = int(time.time())
        for name, days in (("late", 100), ("soon", 3), ("sooner", 1)):
            await tiktok._tokens.save(
                Token(
                    open_id=name,
                    scopes=(),
                    access_token="act.x",
                    expires_at=now,
                    refresh_token="rft.x",
                    refresh_expires_at=now + days * 86_400,
                )
            )

        people = [token.open_id async for token in tiktok.stored_tokens(ending_within=7 * 86_400)]
        assert people == ["sooner", "soon"]

    async def test_unreadable_record_is_skipped(self, tiktok: TikTok, store: MemoryStore) -> None:
        await store.set("token:garbage", b"x" * 100, ttl=60, owner=tiktok._tokens.records.owner)

        assert len([token async for token in tiktok.stored_tokens()]) == 2
