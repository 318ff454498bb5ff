"""Three things read a profile again after the login: the app, the route of the picture, and a background task."""

import logging
from dataclasses import replace
from typing import Any, cast

import anyio
import httpx2
import pytest

from asgi_tiktok import ConfigurationError, LoginRequired, MemoryStore, TikTok, TikTokAuthMiddleware, Unavailable
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, Emulator, Person
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.clock import Clock
from tests.support.faults import FaultyTransport, raising, responding
from tests.support.people import AMARA, JUN
from tests.support.requests import RawResponse
from tests.support.settings import ORIGIN
from tests.support.tiktok import count_requests, new_tiktok
from tests.support.waiting import TIMEOUT
from tests.support.wrapped_store import WrappedStore

pytestmark = pytest.mark.anyio

AVATAR = "/auth/tiktok/avatar"
OLD, NEW = (f"https://p16-sign.tiktokcdn.com/{name}.jpeg?x-expires=1790000000" for name in ("old", "new"))
STATS = "scopes=user.info.stats&next=/me"
USER_INFO = "/v2/user/info/"


class SlowTransport(FaultyTransport):
    """A transport on which user info is slow once `held` is set. `release` ends the wait."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        self.held = False
        self.release = anyio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.held and request.url.path == USER_INFO:
            await self.release.wait()
        return await super().handle_async_request(request)


@pytest.fixture
def emulator() -> Emulator:
    emulator = Emulator()
    edit(emulator, avatar_url=OLD)
    return emulator


@pytest.fixture
def transport(emulator: Emulator) -> SlowTransport:
    return SlowTransport(emulator)


@pytest.fixture
def tiktok(transport: SlowTransport, store: MemoryStore) -> TikTok:
    return new_tiktok(transport, store=store)


@pytest.fixture
async def browser(tiktok: TikTok, emulator: Emulator) -> Browser:
    return await signed_in(tiktok, emulator)


def edit(emulator: Emulator, **changes: Any) -> None:
    """Let Amara change her profile at TikTok."""
    people = cast("dict[str, Person]", emulator.people)
    people[AMARA.open_id] = replace(people[AMARA.open_id], **changes)


def fail(transport: SlowTransport) -> None:
    transport.path, transport.fault = USER_INFO, raising(httpx2.ConnectError("refused"))


async def signed_in(tiktok: TikTok, emulator: Emulator, query: str = "next=/me") -> Browser:
    browser = Browser(TikTokAuthMiddleware(app, tiktok), emulator)
    await browser.sign_in(query=query)
    return browser


async def picture(browser: Browser) -> RawResponse:
    """The response to the picture on a page of the site."""
    return await browser.request(AVATAR, page=ORIGIN, top_level=False)


async def profile(browser: Browser) -> dict[str, str | int | None]:
    content: dict[str, dict[str, str | int | None]] = (await browser.request("/auth/tiktok/session")).json()
    return content["user"]


async def test_new_profile_is_in_every_session_with_the_fields_of_its_own_login(
    tiktok: TikTok, emulator: Emulator, store: MemoryStore, transport: SlowTransport
) -> None:
    other_worker = new_tiktok(transport, store=store)
    desktop = await signed_in(tiktok, emulator, STATS)
    phone = await signed_in(other_worker, emulator)
    jun = Browser(TikTokAuthMiddleware(app, tiktok), emulator)
    await jun.sign_in(JUN)
    edit(emulator, display_name="Amara Luna", avatar_url=NEW, follower_count=20_000)
    assert await desktop.display_name() == await phone.display_name() == "Amara Sol"  # both are in session memory

    user = await tiktok.refresh_user(AMARA.open_id)
    assert (user.display_name, user.avatar_url, user.follower_count) == ("Amara Luna", NEW, 20_000)
    assert await profile(desktop) == user.to_dict()
    assert await profile(phone) == {**user.to_dict(), **dict.fromkeys(count_fields(), None)}
    assert await jun.display_name() == JUN.display_name


def count_fields() -> tuple[str, ...]:
    return ("follower_count", "following_count", "likes_count", "video_count")


async def test_fields_that_no_current_token_grants_stay_as_they_were(tiktok: TikTok, emulator: Emulator) -> None:
    """TikTok has ended the token of the desktop, at a later login that has granted less."""
    desktop = await signed_in(tiktok, emulator, STATS)
    await tiktok._tokens.delete(AMARA.open_id)
    await signed_in(tiktok, emulator)
    edit(emulator, display_name="Amara Luna", follower_count=20_000)

    await tiktok.refresh_user(AMARA.open_id)
    shown = await profile(desktop)
    assert (shown["display_name"], shown["follower_count"]) == ("Amara Luna", AMARA.follower_count)


async def test_rejected_token_is_refreshed(tiktok: TikTok, emulator: Emulator, browser: Browser) -> None:
    emulator.grants.expire((await tiktok.token(AMARA.open_id)).access_token)
    edit(emulator, display_name="Amara Luna")

    await tiktok.refresh_user(AMARA.open_id)
    assert await browser.display_name() == "Amara Luna"
    assert count_requests(emulator, "token") == 2


async def test_profile_that_cannot_be_read_changes_nothing(
    tiktok: TikTok, emulator: Emulator, browser: Browser, transport: SlowTransport
) -> None:
    fail(transport)
    with pytest.raises(Unavailable):
        await tiktok.refresh_user(AMARA.open_id)
    transport.fault = None
    emulator.grants.remove(DEFAULT_CLIENT_KEY, AMARA.open_id)
    for _ in range(2):
        with pytest.raises(LoginRequired):
            await tiktok.refresh_user(AMARA.open_id)

    assert [token async for token in tiktok.stored_tokens()] == []
    assert await browser.display_name() == "Amara Sol"
    assert (await picture(browser)).location == OLD


async def test_session_that_ends_during_its_update_does_not_come_back(
    emulator: Emulator, transport: SlowTransport
) -> None:
    class Ending(WrappedStore):
        async def before(self, operation: str) -> None:
            if operation == "replace":
                await worker.end_sessions(AMARA.open_id)

    worker = new_tiktok(transport, store=Ending(MemoryStore()))
    browser = await signed_in(worker, emulator)
    edit(emulator, display_name="Amara Luna")

    await worker.refresh_user(AMARA.open_id)
    assert await browser.display_name() == ""
    assert await worker.sessions_of(AMARA.open_id) == []


async def test_app_that_keeps_no_tokens_cannot_read_profiles(emulator: Emulator, transport: SlowTransport) -> None:
    tiktok = new_tiktok(transport, keep_tokens=False)
    browser = await signed_in(tiktok, emulator)

    with pytest.raises(ConfigurationError, match="Remove keep_tokens=False"):
        await tiktok.refresh_user(AMARA.open_id)
    assert (await picture(browser)).location == OLD
    with pytest.raises(ConfigurationError, match=r"profile_max_age needs .* Remove keep_tokens=False"):
        new_tiktok(keep_tokens=False, profile_max_age=3600)


async def test_pictures_of_one_user_share_one_request_in_ten_minutes(
    tiktok: TikTok, emulator: Emulator, store: MemoryStore, transport: SlowTransport, browser: Browser, clock: Clock
) -> None:
    other_worker = await signed_in(new_tiktok(transport, store=store), emulator)
    edit(emulator, avatar_url=NEW)
    assert (await picture(browser)).location == OLD, "the login has just read the profile"

    clock.advance(601)
    transport.held = True
    locations = []
    async with anyio.create_task_group() as tasks:

        async def load() -> None:
            locations.append((await picture(browser)).location)

        for _ in range(5):
            tasks.start_soon(load)
        await anyio.wait_all_tasks_blocked()
        transport.release.set()
    assert locations == [NEW] * 5
    assert [(await picture(each)).location for each in (browser, other_worker)] == [NEW, NEW]
    assert count_requests(emulator, "user_info") == 3

    clock.advance(601)
    await picture(browser)
    assert count_requests(emulator, "user_info") == 4


async def test_picture_is_cached_for_its_user_only_and_briefly(browser: Browser) -> None:
    headers = (await picture(browser)).headers

    assert (headers["cache-control"], headers["vary"]) == ("private, max-age=60", "Authorization, Cookie")
    assert "pragma" not in headers
    assert (headers["referrer-policy"], headers["x-content-type-options"]) == ("no-referrer", "nosniff")
    assert headers["cross-origin-resource-policy"] == "same-site"


async def test_anonymous_visitor_gets_no_picture(tiktok: TikTok, emulator: Emulator) -> None:
    refused = await picture(Browser(TikTokAuthMiddleware(app, tiktok), emulator))

    assert (refused.status, refused.json()["error"]) == (401, "login_required")
    assert refused.headers["cache-control"] == "no-store"


async def test_unreachable_tiktok_leaves_the_picture_and_is_asked_again_after_ten_minutes(
    browser: Browser, transport: SlowTransport, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    fail(transport)
    clock.advance(601)
    for _ in range(3):
        assert (await picture(browser)).location == OLD

    assert transport.calls == 1
    assert [each.levelname for each in caplog.records if "profile not read again" in each.message] == ["WARNING"]
    clock.advance(601)
    await picture(browser)
    assert transport.calls == 2


async def test_picture_does_not_wait_long(
    tiktok: TikTok, browser: Browser, transport: SlowTransport, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asgi_tiktok.routes.avatar.MAX_WAIT", 0.05)
    transport.held = True
    clock.advance(601)

    with anyio.fail_after(TIMEOUT):
        assert (await picture(browser)).location == OLD
        await tiktok.aclose()


@pytest.mark.parametrize(
    "link",
    [
        "",
        "http://p16.tiktokcdn.com/a.jpeg",
        "//evil.test/a",
        "javascript:alert(1)",
        "http://127.0.0.1:8700.evil.test/",
    ],
)
async def test_redirect_leads_only_to_an_https_picture_that_tiktok_has_named(
    tiktok: TikTok, emulator: Emulator, transport: SlowTransport, link: str
) -> None:
    user = {"open_id": AMARA.open_id, "display_name": "Amara", "avatar_url": link}
    transport.path = USER_INFO
    transport.fault = responding(200, json={"data": {"user": user}, "error": {"code": "ok"}})

    refused = await picture(await signed_in(tiktok, emulator))
    assert (refused.status, "location" in refused.headers) == (404, False)


async def test_redirect_leads_to_the_picture_that_the_emulator_draws(tiktok: TikTok, emulator: Emulator) -> None:
    edit(emulator, avatar_url="")

    assert (await picture(await signed_in(tiktok, emulator))).location.startswith(
        "http://127.0.0.1:8700/_emulator/avatars/"
    )


async def test_profile_of_a_session_in_use_is_read_in_the_background(
    emulator: Emulator, transport: SlowTransport, clock: Clock
) -> None:
    tiktok = new_tiktok(transport, profile_max_age=3600)
    browser = await signed_in(tiktok, emulator)
    edit(emulator, display_name="Amara Luna")
    clock.advance(1800)
    await browser.display_name()
    clock.advance(1801)
    transport.held = True

    assert await browser.display_name() == "Amara Sol", "no request waits for TikTok"
    assert await browser.display_name() == "Amara Sol"
    transport.release.set()
    await anyio.wait_all_tasks_blocked()
    assert await browser.display_name() == "Amara Luna"

    clock.advance(1801)
    await browser.display_name()
    await anyio.wait_all_tasks_blocked()
    assert count_requests(emulator, "user_info") == 2


async def test_background_read_that_fails_waits_ten_minutes(
    emulator: Emulator, transport: SlowTransport, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    tiktok = new_tiktok(transport, profile_max_age=3600)
    browser = await signed_in(tiktok, emulator)
    fail(transport)
    clock.advance(3601)
    for _ in range(3):
        await browser.display_name()
        await anyio.wait_all_tasks_blocked()
        clock.advance(301)  # each request is a new use of the session

    assert transport.calls == 2
    assert caplog.text.count("profile not read again") == 2


async def test_background_reads_are_bounded_and_end_with_the_app(
    emulator: Emulator, transport: SlowTransport, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asgi_tiktok.accounts.profiles.MAX_READS", 1)
    tiktok = new_tiktok(transport, profile_max_age=3600)
    amara = await signed_in(tiktok, emulator)
    jun = Browser(TikTokAuthMiddleware(app, tiktok), emulator)
    await jun.sign_in(JUN)
    transport.held = True
    clock.advance(3601)
    names = [await browser.display_name() for browser in (amara, jun)]

    assert names == ["Amara Sol", JUN.display_name]
    assert len(tiktok._profiles.reads) == 1
    with anyio.fail_after(TIMEOUT):
        await tiktok.aclose()
    assert len(tiktok._profiles.reads) == 0
