"""The user info endpoint (Get User Info)."""

from collections.abc import Mapping

from asgi_tiktok.emulator.avatars import SIZES, avatar_url
from asgi_tiktok.emulator.grants import Grants, IssuedToken
from asgi_tiktok.emulator.people import Person
from asgi_tiktok.emulator.refusals import Refused
from asgi_tiktok.emulator.scopes import BASIC, PROFILE, STATS, split_scopes

FIELD_SCOPES = {
    **dict.fromkeys(("open_id", "union_id", "display_name", *SIZES), BASIC),
    **dict.fromkeys(("bio_description", "profile_deep_link", "profile_web_link", "is_verified", "username"), PROFILE),
    **dict.fromkeys(("follower_count", "following_count", "likes_count", "video_count"), STATS),
}

UserFields = dict[str, str | int | bool]


def answer_user_info(
    people: Mapping[str, Person], grants: Grants, *, authorization: str, fields: str, origin: str
) -> UserFields:
    """The asked fields of the person behind the access token; one that was not granted fails them all."""
    token = living_token(grants, authorization)
    names = split_scopes(fields)
    if not names:
        raise Refused("invalid_params", "The fields parameter is required.", "Send ?fields=open_id,…", status=400)
    if unknown := [name for name in names if name not in FIELD_SCOPES]:
        message = f"Invalid fields: {', '.join(unknown)}."
        raise Refused("invalid_params", message, f"Ask only for {', '.join(FIELD_SCOPES)}.", status=400)
    if ungranted := [name for name in names if FIELD_SCOPES[name] not in token.scopes]:
        raise Refused(
            "scope_not_authorized",
            "The user did not authorize the scope required for completing this request.",
            f"Not granted: {', '.join(ungranted)}; derive fields from the scope of the token answer.",
            status=401,
        )
    person = people[token.grant.open_id]
    return {name: value_of(person, name, grants.clock(), origin) for name in names}


def living_token(grants: Grants, authorization: str) -> IssuedToken:
    scheme, _, value = authorization.partition(" ")
    token = grants.access(value) if scheme.lower() == "bearer" else None
    if token is None:
        raise Refused(
            "access_token_invalid",
            "The access token is invalid or not found in the request.",
            "Send Authorization: Bearer and a living access token; refresh it when it has expired.",
            status=401,
        )
    return token


def value_of(person: Person, name: str, now: float, origin: str) -> str | int | bool:
    value: str | int | bool = getattr(person, name)
    if name in SIZES and not value:
        return avatar_url(origin, person, SIZES[name], now)
    return value
