"""The user info endpoint (Get User Info)."""

from collections.abc import Mapping

from asgi_tiktok.emulator.endpoints.resource_request import ResourceData, ResourceRequest, not_authorized
from asgi_tiktok.emulator.pages.avatars import AVATAR_SIZES, avatar_url
from asgi_tiktok.emulator.world.grants import Grants
from asgi_tiktok.emulator.world.people import Person
from asgi_tiktok.emulator.world.scopes import BASIC, PROFILE, STATS

__all__ = ["handle_user_info"]

FIELD_SCOPES = {
    **dict.fromkeys(("open_id", "union_id", "display_name", *AVATAR_SIZES), BASIC),
    **dict.fromkeys(("bio_description", "profile_deep_link", "profile_web_link", "is_verified", "username"), PROFILE),
    **dict.fromkeys(("follower_count", "following_count", "likes_count", "video_count"), STATS),
}
# Clients in production still ask for it, and get everything else.
RETIRED = ("avatar_url_200",)


def handle_user_info(people: Mapping[str, Person], grants: Grants, request: ResourceRequest) -> ResourceData:
    """The asked fields of the person behind the access token; one that was not granted fails them all."""
    token = request.access_token(grants)
    fields = [name for name in request.fields((*FIELD_SCOPES, *RETIRED)) if name not in RETIRED]
    if ungranted := [name for name in fields if FIELD_SCOPES[name] not in token.scopes]:
        raise not_authorized(
            f"Not granted: {', '.join(ungranted)}; derive fields from the scope of the token answer.",
            request.scope_error,
        )
    person = people[token.grant.open_id]
    if person.disconnects:
        grants.remove(token.grant.client_key, person.open_id)
    return {"user": {name: field_value(person, name, grants.clock(), request.origin) for name in fields}}


def field_value(person: Person, name: str, now: float, origin: str) -> str | int | bool:
    value: str | int | bool = getattr(person, name)
    if name in AVATAR_SIZES and not value:
        return avatar_url(origin, person, AVATAR_SIZES[name], now)
    return value
