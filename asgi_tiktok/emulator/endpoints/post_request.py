"""The JSON bodies with which an app makes a post (Direct Post, Upload, Photo)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asgi_tiktok.emulator.world.chunks import ChunkPlan
from asgi_tiktok.emulator.world.posting_errors import invalid_param

__all__ = ["PostRequest", "read_photos", "read_publish_id", "read_video"]

VIDEO_TITLE, PHOTO_TITLE, DESCRIPTION = 2200, 90, 4000  # UTF-16 code units
SWITCHES = (
    *("disable_comment", "disable_duet", "disable_stitch", "auto_add_music"),
    *("brand_content_toggle", "brand_organic_toggle", "is_aigc"),
)
MAX_PHOTOS = 35


@dataclass(frozen=True, slots=True, kw_only=True)
class PostRequest:
    """A request for a post. `plan` is None if TikTok downloads the media from `urls`."""

    draft: bool
    photos: bool
    title: str = ""
    privacy_level: str = ""
    plan: ChunkPlan | None = None
    urls: tuple[str, ...] = ()

    @property
    def publish_id_prefix(self) -> str:
        """The start of TikTok's publish_id, which names the medium, the mode and the source."""
        mode = "inbox" if self.draft else "pub"
        version = "v2" if self.draft or self.photos else "v2-1"
        return f"{'p' if self.photos else 'v'}_{mode}_{'file' if self.plan else 'url'}~{version}."


def read_video(body: Mapping[str, Any], *, draft: bool) -> PostRequest:
    """Return the request for a video. A draft has no `post_info`, because the person writes the caption in TikTok."""
    source_info = member(body, "source_info", dict)
    post_info = {} if draft else member(body, "post_info", dict)
    check_switches(post_info)
    title, privacy_level = text(post_info, "title", VIDEO_TITLE), text(post_info, "privacy_level")
    source = member(source_info, "source", str)
    if source == "FILE_UPLOAD":
        plan = ChunkPlan(
            *(member(source_info, name, int) for name in ("video_size", "chunk_size", "total_chunk_count"))
        )
        return PostRequest(draft=draft, photos=False, title=title, privacy_level=privacy_level, plan=plan)
    if source != "PULL_FROM_URL":
        raise invalid_param("Invalid source.", "Send FILE_UPLOAD or PULL_FROM_URL as source.")
    urls = (member(source_info, "video_url", str),)
    return PostRequest(draft=draft, photos=False, title=title, privacy_level=privacy_level, urls=urls)


def read_photos(body: Mapping[str, Any]) -> PostRequest:
    """Return the request for a post of photos."""
    if member(body, "media_type", str) != "PHOTO":
        raise invalid_param("Invalid media_type.", "Send PHOTO as media_type. Videos have an endpoint of their own.")
    post_mode = member(body, "post_mode", str)
    if post_mode not in ("DIRECT_POST", "MEDIA_UPLOAD"):
        raise invalid_param("Invalid post_mode.", "Send DIRECT_POST or MEDIA_UPLOAD as post_mode.")
    post_info, source_info = member(body, "post_info", dict), member(body, "source_info", dict)
    check_switches(post_info)
    title, privacy_level = text(post_info, "title", PHOTO_TITLE), text(post_info, "privacy_level")
    text(post_info, "description", DESCRIPTION)
    if member(source_info, "source", str) != "PULL_FROM_URL":
        raise invalid_param("Invalid source.", "Send PULL_FROM_URL as source; photos cannot be uploaded.")
    urls = photo_urls(source_info)
    return PostRequest(
        draft=post_mode == "MEDIA_UPLOAD", photos=True, title=title, privacy_level=privacy_level, urls=urls
    )


def read_publish_id(body: Mapping[str, Any]) -> str:
    publish_id: str = member(body, "publish_id", str)
    return publish_id


def photo_urls(source_info: Mapping[str, Any]) -> tuple[str, ...]:
    images = member(source_info, "photo_images", list)
    if not 1 <= len(images) <= MAX_PHOTOS or not all(isinstance(url, str) for url in images):
        raise invalid_param("Invalid photo_images.", f"Send 1 to {MAX_PHOTOS} URLs as photo_images.")
    cover = source_info.get("photo_cover_index", 0)
    if type(cover) is not int or not 0 <= cover < len(images):
        raise invalid_param("Invalid photo_cover_index.", "Send the position of a photo, counted from 0.")
    return tuple(images)


def member(body: Mapping[str, Any], name: str, kind: type[Any]) -> Any:
    """Return a required member of a JSON object."""
    value = body.get(name)
    if type(value) is not kind:
        words = {dict: "a JSON object", str: "a string", int: "a whole number", list: "a list"}
        raise invalid_param(f"Invalid {name}.", f"Send {name} as {words[kind]}; it is required.")
    return value


def text(post_info: Mapping[str, Any], name: str, limit: int | None = None) -> str:
    """Return an optional string. TikTok counts UTF-16 code units."""
    value = post_info.get(name, "")
    if not isinstance(value, str):
        raise invalid_param(f"Invalid {name}.", f"Send {name} as a string.")
    length = len(value.encode("utf-16-le", "surrogatepass")) // 2
    if limit is not None and length > limit:
        raise invalid_param(
            f"Invalid {name}.", f"{name} has {length} UTF-16 code units; at most {limit} are allowed."
        )
    return value


def check_switches(post_info: Mapping[str, Any]) -> None:
    for name in SWITCHES:
        if not isinstance(post_info.get(name, False), bool):
            raise invalid_param(f"Invalid {name}.", f"Send {name} as true or false, or leave it out.")
    cover = post_info.get("video_cover_timestamp_ms", 0)
    if type(cover) is not int:
        raise invalid_param("Invalid video_cover_timestamp_ms.", "Send a whole number of milliseconds.")
