"""A user of whom a scope is required has all fields of this scope."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from asgi_tiktok import (
    ProfileStatsUser,
    ProfileUser,
    StatsUser,
    TikTok,
    TikTokAuthMiddleware,
    TikTokUser,
    tiktok_session,
)
from asgi_tiktok.testing import login_as
from tests.support.login import new_browser

PROFILE, STATS = "user.info.profile", "user.info.stats"


async def show(request: Request) -> JSONResponse:
    session = tiktok_session(request)
    user = session.require(*request.query_params.getlist("scope"))
    return JSONResponse({**user.to_dict(), "same": user is session.user})


@pytest.fixture
def browser(tiktok: TikTok) -> TestClient:
    return new_browser(TikTokAuthMiddleware(Starlette(routes=[Route("/", show)]), tiktok))


def required(browser: TestClient, *scopes: str) -> dict[str, Any]:
    user: dict[str, Any] = browser.get("/", params={"scope": scopes}).json()
    return user


def test_complete_user_is_returned_unchanged(browser: TestClient) -> None:
    fields: dict[str, Any] = {"follower_count": 7, "following_count": 1, "likes_count": 2, "video_count": 3}
    login_as(browser, scopes=["user.info.basic", STATS], **fields)
    user = required(browser, STATS)

    assert user["same"]
    assert {name: user[name] for name in fields} == fields


def test_field_that_tiktok_left_out_is_empty_if_its_scope_is_required(browser: TestClient) -> None:
    login_as(browser, scopes=["user.info.basic", PROFILE, STATS], username="ada", follower_count=7)
    user = required(browser, PROFILE, STATS)

    assert (user["username"], user["bio_description"], user["profile_web_link"]) == ("ada", "", "")
    assert (user["is_verified"], user["follower_count"], user["video_count"]) == (False, 7, 0)
    assert user["avatar_url"] is None


def test_field_of_a_scope_that_is_not_required_can_be_none(browser: TestClient) -> None:
    login_as(browser, scopes=["user.info.basic", PROFILE, STATS])

    assert required(browser, STATS)["username"] is None
    assert required(browser)["video_count"] is None


def test_types_by_scope_are_the_class_of_every_user() -> None:
    assert {ProfileUser, StatsUser, ProfileStatsUser} == {TikTokUser}
