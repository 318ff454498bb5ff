"""TikTok's API on behalf of one user, and what the app keeps of its users."""

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
    """With two people's tokens in the store."""
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store)
    for person in (AMARA, JUN):
        await tiktok._tokens.save(await fetch_token(tiktok, emulator, person))
    emulator.exchanges.clear()
    yield tiktok
    await tiktok.aclose()


async def whoami(tiktok: TikTok, person: Person) -> str:
    async with tiktok.api(person.open_id) as api:
        answer = await api.get(ME)
    return str(answer.json()["data"]["user"]["display_name"])


async def test_requests_are_signed(tiktok: TikTok, emulator: Emulator) -> None:
    assert await whoami(tiktok, AMARA) == AMARA.display_name
    assert count_requests(emulator) == 0


async def test_an_old_token_is_refreshed_first(tiktok: TikTok, emulator: Emulator, clock: Clock) -> None:
    clock.advance(hours=3)

    assert await whoami(tiktok, AMARA) == AMARA.display_name
    assert [exchange.endpoint for exchange in emulator.exchanges] == ["token", "user_info"]


async def test_a_rejected_token_is_replaced_once(
    tiktok: TikTok, emulator: Emulator, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await tiktok._tokens.records.load(AMARA.open_id)
    assert kept
    stale = Token(
        open_id=AMARA.open_id,
        scopes=kept.token.scopes,
        access_token="act.stale",
        expires_at=kept.token.expires_at,
        refresh_token=kept.token.refresh_token,
    )
    await tiktok._tokens.save(stale)

    assert await whoami(tiktok, AMARA) == AMARA.display_name
    assert [exchange.endpoint for exchange in emulator.exchanges] == ["user_info", "token", "user_info"]
    assert await whoami(tiktok, AMARA) == AMARA.display_name
    assert count_requests(emulator) == 1


async def test_many_rejected_requests_refresh_once(tiktok: TikTok, emulator: Emulator) -> None:
    kept = await tiktok._tokens.records.load(AMARA.open_id)
    assert kept
    await tiktok._tokens.save(
        Token(
            open_id=AMARA.open_id,
            scopes=kept.token.scopes,
            access_token="act.stale",
            expires_at=kept.token.expires_at,
            refresh_token=kept.token.refresh_token,
        )
    )
    names = []

    async def call() -> None:
        names.append(await whoami(tiktok, AMARA))

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(call)

    assert set(names) == {AMARA.display_name}
    assert count_requests(emulator) == 1


async def test_other_refusals_are_the_callers(tiktok: TikTok, emulator: Emulator) -> None:
    async with tiktok.api(AMARA.open_id) as api:
        answer = await api.get("/v2/user/info/?fields=username")

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "scope_not_authorized"
    assert count_requests(emulator) == 0


async def test_a_body_from_a_generator_is_not_sent_twice(tiktok: TikTok, emulator: Emulator) -> None:
    kept = await tiktok._tokens.records.load(AMARA.open_id)
    assert kept
    await tiktok._tokens.save(replace(kept.token, access_token="act.stale"))

    async def body() -> AsyncIterator[bytes]:
        yield b"{}"

    async with tiktok.api(AMARA.open_id) as api:
        answer = await api.request("GET", ME, content=body())

    assert answer.status_code == 401
    assert [exchange.endpoint for exchange in emulator.exchanges] == ["user_info", "token"]
    assert await whoami(tiktok, AMARA) == AMARA.display_name


async def test_who_has_disconnected_must_sign_in_again(tiktok: TikTok, emulator: Emulator) -> None:
    emulator.grants.remove(tiktok._client.client_key, AMARA.open_id)
    async with tiktok.api(AMARA.open_id) as api:
        with pytest.raises(LoginRequired):
            await api.get(ME)


async def test_a_strangers_api_needs_a_login(tiktok: TikTok) -> None:
    async with tiktok.api("nobody") as api:
        with pytest.raises(LoginRequired):
            await api.get(ME)


@pytest.mark.parametrize("address", ["https://evil.test/", "http://127.0.0.1:8701/", "https://127.0.0.1:8700/"])
async def test_a_token_goes_to_tiktok_alone(tiktok: TikTok, address: str) -> None:
    async with tiktok.api(AMARA.open_id) as api:
        with pytest.raises(ConfigurationError, match="must not be sent to"):
            await api.get(address)


async def test_five_hundred_users_at_once_are_never_mixed(tiktok: TikTok, emulator: Emulator) -> None:
    async def call(person: Person) -> None:
        assert await whoami(tiktok, person) == person.display_name

    async with anyio.create_task_group() as group:
        for number in range(500):
            group.start_soon(call, (AMARA, JUN)[number % 2])


async def test_the_session_has_the_same_api(tiktok: TikTok) -> None:
    from asgi_tiktok import TikTokSession

    with pytest.raises(LoginRequired):
        TikTokSession(tiktok, None, "").api()
    session, _ = await tiktok._sessions.create(await user_of(tiktok, AMARA), (), {})
    async with TikTokSession(tiktok, session, "").api() as api:
        assert (await api.get(ME)).json()["data"]["user"]["display_name"] == AMARA.display_name


async def user_of(tiktok: TikTok, person: Person):  # type: ignore[no-untyped-def]
    return await tiktok._client.fetch_user(await tiktok.token(person.open_id))


class TestDisconnecting:
    async def test_ends_sessions_grant_and_tokens(
        self, tiktok: TikTok, emulator: Emulator, store: MemoryStore
    ) -> None:
        await tiktok._sessions.create(await user_of(tiktok, AMARA), (), {})
        await tiktok.disconnect(AMARA.open_id)

        assert count_requests(emulator, "revoke") == 1
        assert not any(key.startswith("session:") for key in store._records)
        with pytest.raises(LoginRequired):
            await tiktok.token(AMARA.open_id)
        assert await whoami(tiktok, JUN) == JUN.display_name

    async def test_a_stranger_is_fine(self, tiktok: TikTok, emulator: Emulator) -> None:
        await tiktok.disconnect("nobody")

        assert count_requests(emulator, "revoke") == 0

    async def test_can_be_tried_again_when_tiktok_is_away(
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
    async def test_are_those_of_every_user(self, tiktok: TikTok) -> None:
        people = [token.open_id async for token in tiktok.stored_tokens()]

        assert sorted(people) == sorted([AMARA.open_id, JUN.open_id])

    async def test_can_be_those_that_end_soon(self, tiktok: TikTok) -> None:
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

    async def test_pass_over_what_nobody_can_read(self, tiktok: TikTok, store: MemoryStore) -> None:
        await store.set("token:garbage", b"x" * 100, ttl=60, owner=tiktok._tokens.records.owner)

        assert len([token async for token in tiktok.stored_tokens()]) == 2
