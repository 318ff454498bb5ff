"""The grant in `on_login`: what the user granted, and access to TikTok before anything is stored."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from asgi_tiktok import (
    Grant,
    LoginDenied,
    LoginRequired,
    MemoryStore,
    TikTok,
    TikTokAuthMiddleware,
    TikTokUser,
    Token,
)
from asgi_tiktok.emulator import Emulator
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.login import approve_login, display_name, sign_in
from tests.support.people import AMARA, JUN

BOTH = "next=/me&scopes=video.list,user.info.stats"


def records(store: MemoryStore) -> list[str]:
    """The names of the sessions and tokens in the store."""
    return [name for name in store._records if name.startswith(("session:", "token:"))]


def test_grant_has_the_scopes_and_the_path(browser: TestClient, tiktok: TikTok, emulator: Emulator) -> None:
    grants = []

    @tiktok.on_login
    async def remember(user: TikTokUser, request: Request, grant: Grant) -> None:
        grants.append(grant)

    sign_in(browser, emulator, BOTH, scopes=["user.info.basic", "video.list"])
    (grant,) = grants

    assert isinstance(grant.token, Token)
    assert grant.token.open_id == AMARA.open_id
    assert grant.scopes == grant.token.scopes
    assert set(grant.scopes) == {"user.info.basic", "video.list"}
    assert grant.requested_scopes == ("user.info.basic", "video.list", "user.info.stats")
    assert grant.missing_scopes == ("user.info.stats",)
    assert (grant.next, grant.params) == ("/me", {})
    assert grant.token.access_token not in repr(grant)


def test_hook_uses_the_api_before_anything_is_stored(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, store: MemoryStore
) -> None:
    @tiktok.on_login
    async def count_videos(user: TikTokUser, request: Request, grant: Grant) -> dict[str, int]:
        async with grant.api() as api:
            response = await api.post("/v2/video/list/?fields=id", json={"max_count": 3})
        assert records(store) == []
        return {"videos": len(response.json()["data"]["videos"])}

    sign_in(browser, emulator, "scopes=video.list")

    assert browser.get("/links").json()["data"] == {"videos": 3}
    assert len(records(store)) == 2


def test_api_of_the_grant_reports_that_tiktok_rejects_the_token(
    browser: TestClient, tiktok: TikTok, emulator: Emulator
) -> None:
    errors = []

    @tiktok.on_login
    async def use_api(user: TikTokUser, request: Request, grant: Grant) -> None:
        emulator.grants.remove(tiktok._client.client_key, user.open_id)
        async with grant.api() as api:
            try:
                await api.get("/v2/user/info/?fields=open_id")
            except LoginRequired as error:
                errors.append(error.description)

    sign_in(browser, emulator)

    assert errors == ["TikTok has rejected the token of this login."]


def test_nothing_is_kept_after_login_denied(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, store: MemoryStore
) -> None:
    @tiktok.on_login
    async def creators_only(user: TikTokUser, request: Request, grant: Grant) -> None:
        if grant.missing_scopes:
            raise LoginDenied("Please allow both.")

    response = browser.get(approve_login(browser, emulator, BOTH, scopes=["user.info.basic"]))

    assert response.status_code == 403
    assert "Please allow both." in response.text
    assert records(store) == []


@pytest.mark.parametrize("has_older_token", [False, True])
def test_stored_token_in_the_hook_is_refused_with_a_hint(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, has_older_token: bool
) -> None:
    if has_older_token:
        sign_in(browser, emulator)
    errors: list[LoginRequired] = []

    @tiktok.on_login
    async def use_stored_token(user: TikTokUser, request: Request) -> None:
        with pytest.raises(LoginRequired) as caught:
            await tiktok.token(user.open_id)
        errors.append(caught.value)
        with pytest.raises(LoginRequired) as caught:
            tiktok.api(user.open_id)
        errors.append(caught.value)

    sign_in(browser, emulator)

    assert [error.hint is not None and "grant.token" in error.hint for error in errors] == [True, True]


def test_tokens_of_other_users_can_be_used_in_the_hook(
    browser: TestClient, tiktok: TikTok, emulator: Emulator
) -> None:
    sign_in(browser, emulator, person=JUN)
    tokens = []

    @tiktok.on_login
    async def use_other_token(user: TikTokUser, request: Request) -> None:
        tokens.append(await tiktok.token(JUN.open_id))

    sign_in(browser, emulator, person=AMARA)

    assert tokens[0].open_id == JUN.open_id


@pytest.mark.anyio
async def test_task_that_the_hook_starts_can_use_the_token_later(tiktok: TikTok, emulator: Emulator) -> None:
    """The task has the context of the hook, but the login is complete."""
    done = asyncio.Event()
    tokens: list[asyncio.Task[Token]] = []

    async def use_token_later(open_id: str) -> Token:
        await done.wait()
        return await tiktok.token(open_id)

    @tiktok.on_login
    async def start_task(user: TikTokUser, request: Request) -> None:
        tokens.append(asyncio.create_task(use_token_later(user.open_id)))

    await Browser(TikTokAuthMiddleware(app, tiktok), emulator).sign_in()
    done.set()

    assert (await tokens[0]).open_id == AMARA.open_id


def test_third_argument_with_a_default_of_the_app_keeps_it(
    browser: TestClient, tiktok: TikTok, emulator: Emulator
) -> None:
    seen: list[object] = []

    @tiktok.on_login
    async def with_database(user: TikTokUser, request: Request, database: str = "main") -> None:
        seen.append(database)

    @tiktok.on_login
    async def with_optional_grant(user: TikTokUser, request: Request, grant: Grant | None = None) -> None:
        seen.append(type(grant))

    sign_in(browser, emulator)

    assert seen == ["main", Grant]
    assert display_name(browser) == AMARA.display_name
