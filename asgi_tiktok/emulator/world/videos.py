"""The public videos of the people: made up, and the same on every run."""

import hashlib
from dataclasses import dataclass

from asgi_tiktok.emulator.world.people import Person

__all__ = ["Video", "videos_of"]

MAX_VIDEOS = 45
NEWEST = 1_790_000_000  # 21 September 2026
SPACING = 3 * 86400  # seconds in which a person posts one video
MAX_LIKES = 2**31 - 1

CAPTIONS = (
    "Wait for the end…",
    "First try, no edits",
    "POV: it rained all day ☔",
    'Part 2, because you asked "how?"',
    "Before & after <no filter>",
    "من البداية إلى النهاية",
    "Three things I wish I knew earlier",
    "The slow way is the good way 🐌",
    "Answering your questions\nall of them",
    "A quiet minute",
    "It did not go as planned 😅",
    "What I would do differently",
)
TAGS = ("fyp", "foryou", "behindthescenes", "smallcreator", "dayinmylife", "learnontiktok")
SHAPES = ((576, 1024), (576, 1024), (720, 1280), (1024, 576))


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """One public video, as the Display API may tell of it."""

    id: str
    open_id: str
    author: str
    create_time: int
    caption: str
    duration: int
    width: int
    height: int
    like_count: int
    comment_count: int
    share_count: int
    view_count: int
    is_aigc: bool


def videos_of(person: Person) -> tuple[Video, ...]:
    """The person's videos, newest first: as many as `video_count` says, up to 45."""
    return tuple(make_video(person, age) for age in range(min(person.video_count, MAX_VIDEOS)))


def make_video(person: Person, age: int) -> Video:
    digest = hashlib.sha256(f"{person.open_id}\0{person.video_count - age}".encode()).digest()
    part = [int.from_bytes(digest[start : start + 2], "big") for start in range(0, len(digest), 2)]
    create_time = NEWEST - age * SPACING - part[0] % SPACING
    width, height = SHAPES[part[1] % len(SHAPES)]
    likes = min(person.likes_count // person.video_count * (10 + part[2] % 91) // 100, MAX_LIKES)
    return Video(
        # TikTok's ids begin with the moment of posting, in 32 bits.
        id=str(create_time << 32 | int.from_bytes(digest[-4:], "big")),
        open_id=person.open_id,
        author=person.username or f"user{part[3]:05}",
        create_time=create_time,
        caption=f"{CAPTIONS[(person.video_count - age) % len(CAPTIONS)]} #{TAGS[part[4] % len(TAGS)]}",
        duration=7 + part[5] % 174,
        width=width,
        height=height,
        like_count=likes,
        comment_count=likes // (20 + part[6] % 60),
        share_count=likes // (40 + part[7] % 100),
        view_count=likes * (6 + part[8] % 15) + part[9] % 100,
        is_aigc=part[10] % 12 == 0,
    )
