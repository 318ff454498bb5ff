"""The types of a user who has granted more than `user.info.basic`, and the values that they promise."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from asgi_tiktok.models import USER_FIELDS, TikTokUser

__all__ = ["ProfileStatsUser", "ProfileUser", "StatsUser"]

if TYPE_CHECKING:
    from dataclasses import dataclass

    @dataclass(frozen=True, slots=True, kw_only=True)
    class ProfileUser(TikTokUser):
        """The type of a user who has granted `user.info.profile`. At run time, it is TikTokUser."""

        username: str = ""
        bio_description: str = ""
        profile_deep_link: str = ""
        profile_web_link: str = ""
        is_verified: bool = False

    @dataclass(frozen=True, slots=True, kw_only=True)
    class StatsUser(TikTokUser):
        """The type of a user who has granted `user.info.stats`. At run time, it is TikTokUser."""

        follower_count: int = 0
        following_count: int = 0
        likes_count: int = 0
        video_count: int = 0

    @dataclass(frozen=True, slots=True, kw_only=True)
    class ProfileStatsUser(ProfileUser, StatsUser):
        """The type of a user who has granted both. At run time, it is TikTokUser."""

        # Repeated, because ProfileUser inherits fields of the same names that may be None.
        follower_count: int = 0
        following_count: int = 0
        likes_count: int = 0
        video_count: int = 0
else:
    ProfileUser = StatsUser = ProfileStatsUser = TikTokUser

EMPTY: Mapping[str, Any] = {
    **dict.fromkeys(USER_FIELDS["user.info.profile"], ""),
    "is_verified": False,
    **dict.fromkeys(USER_FIELDS["user.info.stats"], 0),
}


def with_fields_of(user: TikTokUser, scopes: tuple[str, ...]) -> TikTokUser:
    """Return the user, with an empty value for each field of these scopes that TikTok's response left out.

    A complete user is returned unchanged. A response may leave out empty values, and the types promise that no field
    of a granted scope is None.
    """
    promised = (name for scope in scopes for name in USER_FIELDS.get(scope, ()) if name in EMPTY)
    missing = {name: EMPTY[name] for name in promised if getattr(user, name) is None}
    return replace(user, **missing) if missing else user
