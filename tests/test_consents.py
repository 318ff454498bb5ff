"""One person, several logins with different scopes: no consent is lost, and no session has scopes that are lost."""

import time
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from asgi_tiktok import LoginRequired, MemoryStore, TikTok, TikTokAuthMiddleware, TikTokUser, Token, tiktok_session
from asgi_tiktok.emulator import Emulator
from tests.support.app import app
from tests.support.clock import Clock
from tests.support.faults import FaultyTransport, responding
from tests.support.login import new_browser, sign_in
from tests.support.people import AMARA
from tests.support.tiktok import fetch_token, new_tiktok

MORE = "next=/me&scopes=video.list"
VIDEOS = "/v2/video/list/?fields=id"


class Devices:
    """A desktop that was granted `video.list`, and a phone that has signed in later without asking for it."""

    def __init__(self, emulator: Emulator) -> None:
        self.tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=MemoryStore())
        site = TikTokAuthMiddleware(app, self.tiktok)
        self.desktop, self.phone = new_browser(site), new_browser(site)
        sign_in(self.desktop, emulator, MORE)
        sign_in(self.phone, emulator)

    def list_videos(self) -> int:
        """List the person's videos in a background job. Return the status of TikTok's response."""

        async def call() -> int:
            async with self.tiktok.api(AMARA.open_id) as api:
                return (await api.post(VIDEOS, json={})).status_code

        return anyio.run(call)

    def token(self) -> Token:
        return anyio.run(self.tiktok.token, AMARA.open_id)


def scopes_of(browser: TestClient) -> set[str]:
    return set(browser.get("/auth/tiktok/session").json()["scopes"])


def test_login_with_fewer_scopes_takes_none_from_another_browser(emulator: Emulator) -> None:
    devices = Devices(emulator)

    assert devices.list_videos() == 200
    assert scopes_of(devices.desktop) == {"user.info.basic", "video.list"}
    assert scopes_of(devices.phone) == {"user.info.basic"}
    assert devices.desktop.get("/videos").status_code == 200


def test_richer_token_is_refreshed(emulator: Emulator, clock: Clock) -> None:
    devices = Devices(emulator)
    clock.advance(hours=3)

    assert devices.list_videos() == 200
    assert "video.list" in devices.token().scopes


@pytest.mark.parametrize("hours", [0, 3])
def test_newest_token_takes_over_when_tiktok_has_ended_the_older_one(clock: Clock, hours: int) -> None:
    """TikTok has rejected the access token, or refuses to refresh it after it has expired."""
    emulator = Emulator(older_tokens="end", clock=clock)
    devices = Devices(emulator)
    clock.advance(hours=hours)

    assert devices.list_videos() == 401
    assert set(devices.token().scopes) == {"user.info.basic"}
    for browser in (devices.desktop, devices.phone):
        assert browser.get("/me").json()["name"] == AMARA.display_name
        assert scopes_of(browser) == {"user.info.basic"}
        assert browser.get("/videos").status_code == 403


def test_newest_token_takes_over_when_a_refresh_does_not_help(emulator: Emulator) -> None:
    """TikTok still refreshes the older token, but rejects every access token of it."""
    devices = Devices(emulator)

    async def call() -> list[int]:
        statuses = []

        async def reject_richer(request: httpx2.Request) -> httpx2.Response:
            value = request.headers["authorization"].removeprefix("Bearer ")
            token = emulator.grants.access(value)
            if token is not None and "video.list" in token.scopes:
                emulator.grants.expire(value)
            response = await httpx2.ASGITransport(emulator).handle_async_request(request)
            statuses.append(response.status_code)
            return response

        devices.tiktok._client._api_pools.given = httpx2.MockTransport(reject_richer)
        async with devices.tiktok.api(AMARA.open_id) as api:
            await api.get("/v2/user/info/?fields=open_id")
        return statuses

    assert anyio.run(call) == [401, 401, 200]
    assert scopes_of(devices.desktop) == {"user.info.basic"}


def test_login_with_all_scopes_replaces_both_tokens(emulator: Emulator) -> None:
    devices = Devices(emulator)
    sign_in(devices.phone, emulator, MORE)
    stored = anyio.run(devices.tiktok._tokens.records.load, AMARA.open_id)

    assert stored is not None
    assert len(stored.consents) == 1
    assert scopes_of(devices.phone) == {"user.info.basic", "video.list"}


def test_newest_token_takes_over_when_the_refresh_token_of_the_older_one_expires(clock: Clock) -> None:
    emulator = Emulator(clock=clock)
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=MemoryStore())
    browser = new_browser(TikTokAuthMiddleware(app, tiktok))
    sign_in(browser, emulator, MORE)
    clock.advance(days=100)
    browser.cookies.clear()
    sign_in(browser, emulator)
    assert "video.list" in anyio.run(tiktok.token, AMARA.open_id).scopes
    clock.advance(days=81)

    assert anyio.run(tiktok.token, AMARA.open_id).scopes == ("user.info.basic",)


def test_logins_with_different_scopes_are_both_kept(emulator: Emulator) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=MemoryStore())
    for extra in ("video.list", "user.info.stats"):
        browser = new_browser(TikTokAuthMiddleware(app, tiktok))
        sign_in(browser, emulator, f"next=/me&scopes={extra}")

    assert "user.info.stats" in anyio.run(tiktok.token, AMARA.open_id).scopes
    known = anyio.run(tiktok._tokens.scopes_of, AMARA.open_id)
    assert set(known) == {"user.info.basic", "user.info.stats", "video.list"}


FIELDS = {"user.info.stats": "follower_count", "user.info.profile": "username"}


class Strangers:
    """Three browsers of one person, none of which was granted what another one was granted."""

    def __init__(self, emulator: Emulator) -> None:
        self.tiktok = new_tiktok(
            httpx2.ASGITransport(emulator), store=MemoryStore(), optional_scopes=("video.list", *FIELDS)
        )
        self.site = TikTokAuthMiddleware(self, self.tiktok)
        self.browsers = {}
        for scope in self.tiktok._optional_scopes:
            self.browsers[scope] = new_browser(self.site)
            sign_in(self.browsers[scope], emulator, f"next=/me&scopes={scope}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with the scopes of the session's token, and the status of a request of its client to TikTok."""
        session = tiktok_session(Request(scope))
        granted = next(each for each in session.scopes if each in self.tiktok._optional_scopes)
        token = await session.token()
        async with session.api() as api:
            response = await call(api, granted)
        await JSONResponse({"token": token.scopes, "status": response.status_code})(scope, receive, send)

    def status_of_job(self, scope: str) -> int:
        async def run() -> int:
            async with self.tiktok.api(AMARA.open_id) as api:
                return (await call(api, scope)).status_code

        return anyio.run(run)


async def call(api: httpx2.AsyncClient, scope: str) -> httpx2.Response:
    """Send a request for which TikTok demands this scope."""
    if scope == "video.list":
        return await api.post(VIDEOS, json={})
    return await api.get(f"/v2/user/info/?fields=open_id,{FIELDS[scope]}")


@pytest.mark.parametrize("hours", [0, 3])
def test_each_of_three_logins_keeps_its_own_scope(emulator: Emulator, clock: Clock, hours: int) -> None:
    strangers = Strangers(emulator)
    clock.advance(hours=hours)

    for scope, browser in strangers.browsers.items():
        answer = browser.get("/").json()
        assert answer["status"] == 200
        assert scope in answer["token"]
        assert strangers.status_of_job(scope) == 200


def test_tokens_that_tiktok_has_ended_are_given_up_one_after_another() -> None:
    strangers = Strangers(Emulator(older_tokens="end"))
    newest = list(strangers.browsers)[-1]

    assert strangers.status_of_job("video.list") == 401
    for browser in strangers.browsers.values():
        assert scopes_of(browser) <= {"user.info.basic", newest}
    assert strangers.status_of_job(newest) == 200


def test_disconnect_revokes_the_grant_although_tiktok_has_ended_the_older_token() -> None:
    emulator = Emulator(older_tokens="end")
    devices = Devices(emulator)
    anyio.run(devices.tiktok.disconnect, AMARA.open_id)

    assert emulator.grants.grants == {}
    with pytest.raises(LoginRequired):
        devices.token()


def test_refresh_that_grants_fewer_scopes_reduces_the_sessions(emulator: Emulator, clock: Clock) -> None:
    faulty = FaultyTransport(emulator)
    tiktok = new_tiktok(faulty, store=MemoryStore())
    browser = new_browser(TikTokAuthMiddleware(app, tiktok))
    sign_in(browser, emulator, MORE)
    body = {"access_token": "act.2", "expires_in": 7200, "open_id": AMARA.open_id, "scope": "user.info.basic"}
    faulty.path, faulty.fault = "/v2/oauth/token/", responding(200, json={**body, "refresh_token": "rft.2"})
    clock.advance(hours=3)

    assert browser.get("/token").json()["scopes"] == ["user.info.basic"]
    assert scopes_of(browser) == {"user.info.basic"}
    assert browser.get("/videos").status_code == 403


class TestEvents:
    """Sessions and tokens of a login that is certainly later than an event at TikTok stay."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    async def tiktok(self, emulator: Emulator) -> AsyncIterator[TikTok]:
        tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=MemoryStore())
        yield tiktok
        await tiktok.aclose()

    async def sign_in(self, tiktok: TikTok, emulator: Emulator, *scopes: str) -> None:
        token = await fetch_token(tiktok, emulator, scopes=("user.info.basic", *scopes))
        await tiktok._tokens.save(token)
        await tiktok._sessions.create(TikTokUser(open_id=AMARA.open_id), token.scopes, {})

    async def receive_removal(self, tiktok: TikTok, create_time: int) -> int:
        await tiktok._tokens.delete(AMARA.open_id, consented_before=create_time)
        return await tiktok._sessions.end_all(AMARA.open_id, consented_before=create_time)

    async def session_scopes(self, tiktok: TikTok) -> list[set[str]]:
        names = [name async for name in tiktok._store.owned(tiktok._sessions.records.owner(AMARA.open_id))]
        found = [await tiktok._sessions.find(name) for name in names]
        return [set(each[1].scopes) for each in found if each is not None]

    async def test_later_consent_stays(self, tiktok: TikTok, emulator: Emulator) -> None:
        await self.sign_in(tiktok, emulator)

        assert await self.receive_removal(tiktok, int(time.time()) - 3600) == 0
        assert await tiktok.token(AMARA.open_id)

    @pytest.mark.parametrize("age", [0, 30])
    async def test_consent_that_may_be_earlier_is_ended(self, tiktok: TikTok, emulator: Emulator, age: int) -> None:
        """TikTok's clock and ours may differ by a minute."""
        await self.sign_in(tiktok, emulator)

        assert await self.receive_removal(tiktok, int(time.time()) - age) == 1
        with pytest.raises(LoginRequired):
            await tiktok.token(AMARA.open_id)

    async def test_earlier_one_of_two_consents_is_ended(
        self, tiktok: TikTok, emulator: Emulator, clock: Clock
    ) -> None:
        await self.sign_in(tiktok, emulator, "video.list")
        clock.advance(hours=1)
        await self.sign_in(tiktok, emulator)

        assert await self.receive_removal(tiktok, int(time.time()) - 1800) == 1
        assert set((await tiktok.token(AMARA.open_id)).scopes) == {"user.info.basic"}
        assert await self.session_scopes(tiktok) == [{"user.info.basic"}]
        assert await tiktok._tokens.consented_at(AMARA.open_id) == pytest.approx(time.time(), abs=60)
