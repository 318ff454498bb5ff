"""The permissions an app may ask for, and what the consent page says about them."""

from collections.abc import Iterable

__all__ = [
    "BASIC",
    "PROFILE",
    "STATS",
    "VIDEO_LIST",
    "describe_scope",
    "granted_scopes",
    "is_toggleable",
    "split_scopes",
]

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


def describe_scope(scope: str) -> str:
    return DESCRIPTIONS.get(scope, f"Use the permission {scope}")


def is_toggleable(scope: str) -> bool:
    """Whether a person may refuse this scope alone and still sign in."""
    return scope != BASIC


def granted_scopes(requested: Iterable[str], selected: Iterable[str]) -> tuple[str, ...]:
    """The asked scopes that are ticked or cannot be unticked."""
    selected_set = set(selected)
    return tuple(scope for scope in requested if scope in selected_set or not is_toggleable(scope))
