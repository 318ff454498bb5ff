"""A user has the fields of the scopes that the app requires. Without the scope, they may be None."""

from typing import Annotated, assert_type

from asgi_tiktok import ProfileStatsUser, ProfileUser, StatsUser, TikTokSession, TikTokUser
from asgi_tiktok.fastapi import requires_scope


def profile(session: TikTokSession) -> None:
    user = session.require("user.info.profile")
    assert_type(user, ProfileUser)
    assert_type(user.username, str)
    assert_type(user.bio_description, str)
    assert_type(user.profile_deep_link, str)
    assert_type(user.profile_web_link, str)
    assert_type(user.is_verified, bool)
    assert_type(user.follower_count, int | None)


def stats(session: TikTokSession) -> int:
    user = session.require("user.info.stats", "video.list")
    assert_type(user, StatsUser)
    assert_type(user.username, str | None)
    return user.follower_count + user.following_count + user.likes_count + user.video_count


def both(session: TikTokSession) -> None:
    user = session.require("user.info.profile", "user.info.stats")
    assert_type(user, ProfileStatsUser)
    assert_type(session.require("user.info.stats", "user.info.profile", "video.list"), ProfileStatsUser)
    assert_type(user.username, str)
    assert_type(user.follower_count, int)
    show_profile(user)
    show_stats(user)
    show(user)


def other_scopes(session: TikTokSession, scopes: list[str]) -> None:
    assert_type(session.require(), TikTokUser)
    assert_type(session.require("video.list"), TikTokUser)
    assert_type(session.require("user.info.basic").display_name, str | None)
    assert_type(session.require(*scopes).username, str | None)


async def in_fastapi(user: Annotated[StatsUser, requires_scope("user.info.stats")]) -> None:
    assert_type(user.likes_count, int)


def show_profile(user: ProfileUser) -> str:
    return user.username


def show_stats(user: StatsUser) -> int:
    return user.video_count


def show(user: TikTokUser) -> str:
    return user.open_id
