"""Scopes: their names, their descriptions on the consent page, and the rules for granting them."""

from collections.abc import Iterable

__all__ = [
    "BASIC",
    "PROFILE",
    "STATS",
    "VIDEO_LIST",
    "VIDEO_PUBLISH",
    "VIDEO_UPLOAD",
    "describe_scope",
    "granted_scopes",
    "is_toggleable",
    "split_scopes",
]

BASIC = "user.info.basic"
PROFILE = "user.info.profile"
STATS = "user.info.stats"
VIDEO_LIST = "video.list"
VIDEO_UPLOAD = "video.upload"
VIDEO_PUBLISH = "video.publish"

DESCRIPTIONS = {
    BASIC: "See your display name and profile picture",
    PROFILE: "See your username, bio, profile links and verification badge",
    STATS: "See your follower, following, like and video counts",
    VIDEO_LIST: "See your public videos",
    VIDEO_UPLOAD: "Put draft videos into your inbox",
    VIDEO_PUBLISH: "Post videos to your profile",
}


def split_scopes(value: str) -> tuple[str, ...]:
    """Split a comma-separated list. Empty and repeated scopes are dropped."""
    return tuple(dict.fromkeys(scope for scope in value.split(",") if scope))


def describe_scope(scope: str) -> str:
    return DESCRIPTIONS.get(scope, f"Use the permission {scope}")


def is_toggleable(scope: str) -> bool:
    """Return whether a person may refuse this scope and still sign in."""
    return scope != BASIC


def granted_scopes(requested: Iterable[str], selected: Iterable[str]) -> tuple[str, ...]:
    """Return the requested scopes that are selected or required."""
    selected_set = set(selected)
    return tuple(scope for scope in requested if scope in selected_set or not is_toggleable(scope))
