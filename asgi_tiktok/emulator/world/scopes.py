"""The permissions an app may ask for, and what the consent page says about them."""

from collections.abc import Iterable

BASIC = "user.info.basic"
PROFILE = "user.info.profile"
STATS = "user.info.stats"
VIDEO_LIST = "video.list"

DESCRIPTIONS = {
    BASIC: "See your display name and profile picture",
    PROFILE: "See your username, bio, profile links and verification badge",
    STATS: "See your follower, following, like and video counts",
    VIDEO_LIST: "See your public videos",
    "video.upload": "Put draft videos into your inbox",
    "video.publish": "Post videos to your profile",
}


def split_scopes(value: str) -> tuple[str, ...]:
    """The scopes of a comma-separated list, each once, in their order."""
    return tuple(dict.fromkeys(scope for scope in value.split(",") if scope))


def describe(scope: str) -> str:
    return DESCRIPTIONS.get(scope, f"Use the permission {scope}")


def is_toggleable(scope: str) -> bool:
    """Whether a person may refuse this scope alone and still sign in."""
    return scope != BASIC


def granted(asked: Iterable[str], ticked: Iterable[str]) -> tuple[str, ...]:
    """The asked scopes that are ticked or cannot be unticked."""
    kept = set(ticked)
    return tuple(scope for scope in asked if scope in kept or not is_toggleable(scope))
