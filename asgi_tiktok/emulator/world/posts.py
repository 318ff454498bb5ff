"""The posts that apps make for people, from the request to the published post."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from asgi_tiktok.emulator.world.grants import Grant
from asgi_tiktok.emulator.world.posting_errors import FAIL_REASONS
from asgi_tiktok.emulator.world.suggestions import suggestion
from asgi_tiktok.emulator.world.uploads import Upload

__all__ = ["PUBLIC", "Moment", "Post", "Posts", "Status"]

Status = Literal["PROCESSING_UPLOAD", "PROCESSING_DOWNLOAD", "SEND_TO_USER_INBOX", "PUBLISH_COMPLETE", "FAILED"]
FINAL = ("PUBLISH_COMPLETE", "FAILED")
PUBLIC = "PUBLIC_TO_EVERYONE"
AVAILABLE = "post.publish.publicly_available"
# This is TikTok's spelling.
UNAVAILABLE = "post.publish.no_longer_publicaly_available"
MAX_POSTS = 1000
DAY = 86400


@dataclass(frozen=True, slots=True)
class Moment:
    """A change of a post's status. `event` is the webhook that reports it, if there is one."""

    at: float
    status: Status
    event: str = ""
    fail_reason: str = ""
    post_id: int | None = None

    @property
    def is_public(self) -> bool:
        """Whether everyone can see the post from now on."""
        return self.event == AVAILABLE


@dataclass(slots=True, eq=False)
class Post:
    """A post, with its past changes and those that will follow.

    `draft` means that the person publishes it from the inbox. `upload` is None if TikTok downloads the media.
    """

    publish_id: str
    grant: Grant
    draft: bool
    created: float
    privacy_level: str
    title: str
    upload: Upload | None
    fail_reason: str = ""
    moments: list[Moment] = field(default_factory=list)
    announced: int = 0

    def moment(self, now: float) -> Moment:
        """Return the last change until now."""
        return [moment for moment in self.moments if moment.at <= now or moment is self.moments[0]][-1]

    def event_content(self, moment: Moment) -> dict[str, str]:
        """Return the content of the webhook that reports the change."""
        return {
            "publish_id": self.publish_id,
            "publish_type": "INBOX_SHARE" if self.draft else "DIRECT_PUBLISH",
            **({"reason": moment.fail_reason} if moment.fail_reason else {}),
            **({"post_id": str(moment.post_id)} if moment.post_id else {}),
        }


class Posts:
    """The posts. Processing takes `processing_seconds`, and the moderation of a public post as long again.

    Args:
        clock (Callable[[], float]): Returns the time in seconds since 1970.
        processing_seconds (int): The duration of each step.
        on_change (Callable[[Post, Moment], None]): Called by `announce` for each change that has an event.
    """

    def __init__(
        self, clock: Callable[[], float], processing_seconds: int, on_change: Callable[[Post, Moment], None]
    ) -> None:
        self._clock = clock
        self._processing_seconds = processing_seconds
        self._on_change = on_change
        self._posts: dict[str, Post] = {}

    def __iter__(self) -> Iterator[Post]:
        return iter([*self._posts.values()])

    def clear(self) -> None:
        """Remove all posts."""
        self._posts.clear()

    def get(self, publish_id: str) -> Post | None:
        return self._posts.get(publish_id)

    def add(self, post: Post) -> None:
        """Add a new post. If TikTok downloads its media, the processing begins at once."""
        status: Status = "PROCESSING_UPLOAD" if post.upload else "PROCESSING_DOWNLOAD"
        post.moments.append(Moment(post.created, status))
        self._posts[post.publish_id] = post
        if len(self._posts) > MAX_POSTS:
            del self._posts[next(iter(self._posts))]
        if post.upload is None:
            self.process(post)

    def process(self, post: Post) -> None:
        """Schedule what follows when TikTok has the media."""
        done = self._clock() + self._processing_seconds
        if post.fail_reason:
            post.moments.append(failure(done, post.fail_reason))
        elif post.draft:
            post.moments.append(Moment(done, "SEND_TO_USER_INBOX", "post.publish.inbox_delivered"))
        else:
            self._schedule_publication(post, done)

    def publish(self, publish_id: str) -> None:
        """Publish a draft, as its person does in TikTok.

        Raises:
            ValueError: The post is unknown, or is no draft in an inbox.
        """
        post = self._find(publish_id)
        if post.moment(self._clock()).status != "SEND_TO_USER_INBOX":
            raise ValueError(f"publish_id={publish_id!r} is not a draft in an inbox; wait until it is delivered.")
        self._schedule_publication(post, self._clock())

    def fail(self, publish_id: str, reason: str) -> None:
        """Let a post fail that is not published yet.

        Raises:
            ValueError: The post is unknown or finished, or the reason is not one of TikTok's.
        """
        post = self._find(publish_id)
        if reason not in FAIL_REASONS:
            raise ValueError(f"reason={reason!r} is not a fail_reason of TikTok; {suggestion(reason, FAIL_REASONS)}")
        if self.is_final(post):
            raise ValueError(f"publish_id={publish_id!r} is finished; make another post.")
        self._replace_future(post, failure(self._clock(), reason))

    def remove(self, publish_id: str) -> None:
        """Make a public post unavailable, as its person does by deleting it or making it private.

        Raises:
            ValueError: The post is unknown, or is not publicly available.
        """
        post = self._find(publish_id)
        moment = post.moment(self._clock())
        if not moment.is_public:
            raise ValueError(f"publish_id={publish_id!r} is not publicly available; wait until it is.")
        post.moments.append(Moment(self._clock(), moment.status, UNAVAILABLE, post_id=moment.post_id))

    def end(self, grant: Grant) -> None:
        """Let the unfinished posts of a removed grant fail."""
        for post in self:
            if post.grant is grant and not self.is_final(post):
                self._replace_future(post, failure(self._clock(), "auth_removed"))

    def announce(self) -> None:
        """Report the changes that have happened since the last call."""
        now = self._clock()
        for post in self:
            while post.announced < len(post.moments) and post.moments[post.announced].at <= now:
                moment = post.moments[post.announced]
                post.announced += 1
                if moment.event:
                    self._on_change(post, moment)

    def is_final(self, post: Post) -> bool:
        return post.moment(self._clock()).status in FINAL

    def users_today(self, client_key: str) -> set[str]:
        """Return the people for whom the app has posted directly in the last 24 hours."""
        return {
            post.grant.open_id for post in self._today() if post.grant.client_key == client_key and not post.draft
        }

    def count_today(self, open_id: str) -> int:
        """Return the number of direct posts of a person in the last 24 hours, by all apps."""
        return sum(post.grant.open_id == open_id and not post.draft for post in self._today())

    def pending_drafts(self, open_id: str) -> int:
        """Return the number of drafts of the last 24 hours that the person has not published."""
        drafts = (post for post in self._today() if post.draft and post.grant.open_id == open_id)
        return sum(not self.is_final(post) for post in drafts)

    def _today(self) -> Iterator[Post]:
        return (post for post in self if post.created > self._clock() - DAY)

    def _find(self, publish_id: str) -> Post:
        post = self._posts.get(publish_id)
        if post is None:
            raise ValueError(f"publish_id={publish_id!r} is unknown; the posts are listed in the inspector.")
        return post

    def _schedule_publication(self, post: Post, at: float) -> None:
        post.moments.append(Moment(at, "PUBLISH_COMPLETE", "post.publish.complete"))
        if post.privacy_level == PUBLIC:
            # TikTok returns the id of a public post only after the moderation.
            available = at + self._processing_seconds
            post_id = int(at) << 32 | secrets.randbits(32)
            post.moments.append(Moment(available, "PUBLISH_COMPLETE", AVAILABLE, post_id=post_id))

    def _replace_future(self, post: Post, moment: Moment) -> None:
        post.moments = [past for past in post.moments if past.at <= moment.at]
        post.moments.append(moment)


def failure(at: float, reason: str) -> Moment:
    return Moment(at, "FAILED", "post.publish.failed", reason)
