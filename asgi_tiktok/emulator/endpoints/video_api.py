"""The video list and video query endpoints (List Videos, Query Videos)."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

from asgi_tiktok.emulator.endpoints.resource_request import (
    ResourceData,
    ResourceRequest,
    invalid_params,
    not_authorized,
)
from asgi_tiktok.emulator.pages.covers import cover_url
from asgi_tiktok.emulator.world.grants import Grants, IssuedToken
from asgi_tiktok.emulator.world.people import Person
from asgi_tiktok.emulator.world.scopes import VIDEO_LIST
from asgi_tiktok.emulator.world.videos import Video, videos_of

__all__ = ["handle_video_list", "handle_video_query"]

FIELDS = (
    *("id", "create_time", "cover_image_url", "share_url", "video_description", "duration", "height", "width"),
    *("title", "embed_html", "embed_link", "like_count", "comment_count", "share_count", "view_count", "is_aigc"),
)
DEFAULT_COUNT = 10
MAX_COUNT = 20
MAX_CURSOR = 2**63 - 1

EMBED = """\
<blockquote class="tiktok-embed" cite="{link}" data-video-id="{id}" style="max-width: 605px;min-width: 325px;" > \
<section> <a target="_blank" title="@{author}" href="https://www.tiktok.com/@{author}">@{author}</a> \
<p>{caption}</p> </section> </blockquote> <script async src="https://www.tiktok.com/embed.js"></script>"""


def handle_video_list(people: Mapping[str, Person], grants: Grants, request: ResourceRequest) -> ResourceData:
    """Return a page of the person's videos that were posted before `cursor`, newest first."""
    token = allowed_token(grants, request)
    names = request.fields(FIELDS)
    body = request.json()
    count = whole_number(body, "max_count", default=DEFAULT_COUNT, minimum=1, maximum=MAX_COUNT)
    cursor = whole_number(body, "cursor", default=0, minimum=0, maximum=MAX_CURSOR)
    videos = videos_of(people[token.grant.open_id])
    older = [video for video in videos if video.create_time * 1000 < (cursor or MAX_CURSOR)]
    page = older[:count]
    return {
        "videos": [serialize_video(video, names, token, request.origin, grants.clock()) for video in page],
        "cursor": page[-1].create_time * 1000 if page else cursor,
        "has_more": len(older) > len(page),
    }


def handle_video_query(people: Mapping[str, Person], grants: Grants, request: ResourceRequest) -> ResourceData:
    """Return the person's videos among the given ids. TikTok promises no order."""
    token = allowed_token(grants, request)
    names = request.fields(FIELDS)
    requested = video_ids(request.json())
    found = [video for video in videos_of(people[token.grant.open_id]) if video.id in requested]
    return {"videos": [serialize_video(video, names, token, request.origin, grants.clock()) for video in found]}


def allowed_token(grants: Grants, request: ResourceRequest) -> IssuedToken:
    token = request.access_token(grants)
    if VIDEO_LIST not in token.scopes:
        fix = f"Not granted: {VIDEO_LIST}; call this endpoint only if the token response's scope contains it."
        raise not_authorized(fix, request.scope_error)
    return token


def whole_number(body: Mapping[str, Any], name: str, *, default: int, minimum: int, maximum: int) -> int:
    value = body.get(name, default)
    if type(value) is not int or not minimum <= value <= maximum:
        raise invalid_params(
            f"Invalid {name}.", f"Send {name} as a JSON number from {minimum} to {maximum}, or leave it out."
        )
    return value


def video_ids(body: Mapping[str, Any]) -> list[str]:
    filters = body.get("filters")
    ids = filters.get("video_ids") if isinstance(filters, dict) else None
    if not isinstance(ids, list) or not 1 <= len(ids) <= MAX_COUNT:
        fix = f'Send {{"filters": {{"video_ids": […]}}}} with 1 to {MAX_COUNT} ids.'
        raise invalid_params("Invalid filters.", fix)
    if not all(isinstance(video_id, str) for video_id in ids):
        raise invalid_params("Invalid video_ids.", "Send the ids as strings; JavaScript rounds such large numbers.")
    return ids


def serialize_video(
    video: Video, names: Iterable[str], token: IssuedToken, origin: str, now: float
) -> dict[str, str | int]:
    """Return the named fields. As on TikTok, the links contain the client key."""
    campaign = urlencode({"utm_campaign": "tt4d_open_api", "utm_source": token.grant.client_key})
    share_url = f"https://www.tiktok.com/@{video.author}/video/{video.id}?{campaign}"
    player = f"https://www.tiktok.com/player/v1/{video.id}?music_info=1&description=1&autoplay=1&loop=1"
    author, caption = escape(video.author), escape(video.caption)
    derived = {
        "cover_image_url": cover_url(origin, video, now),
        "share_url": share_url,
        "video_description": video.caption,
        "title": video.caption,
        "embed_html": EMBED.format(link=escape(share_url), id=video.id, author=author, caption=caption),
        "embed_link": f"{player}&{campaign}",
    }
    return {name: derived[name] if name in derived else getattr(video, name) for name in names}
