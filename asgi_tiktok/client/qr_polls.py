"""When TikTok may be asked about the logins by QR code: the progress of each, in the memory of this process.

A visitor cannot make us ask more often. Nothing is asked for a visitor who has left, because only a request of the
visitor's browser leads to a poll.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from asgi_tiktok.client.qr import QRResult
from asgi_tiktok.errors import RateLimited, RequestRefused, TikTokError

INTERVAL = 2  # seconds between two polls of one login
MAX_LOGINS = 200  # that this process follows, so that it sends at most 100 polls in a second
MAX_AT_ONCE = 20  # requests to TikTok, because the connections are shared with all other logins
FORGET_AFTER = 30  # seconds after the latest poll


@dataclass(slots=True)
class Poll:
    """What is known about one login.

    Attributes:
        progress: The progress that the page shows.
        next_at: The time of the monotonic clock at which TikTok may be asked again.
        confirmed: TikTok's result, until the login is completed. TikTok returns it once.
        is_used: Whether the code has been exchanged. TikTok is not asked again.
        error: The error that has ended the login. TikTok is not asked again.
    """

    progress: str = "new"
    next_at: float = 0
    confirmed: QRResult | None = None
    is_used: bool = False
    error: TikTokError | None = None


class Polls:
    """The polls of one TikTok app in this process, for all its middlewares and addresses."""

    def __init__(self) -> None:
        self.polls: dict[str, Poll] = {}
        self.at_once = 0

    def follow(self, name: str) -> Poll | None:
        """Return what is known about the login, or None if too many are in progress."""
        poll = self.polls.pop(name, None)
        if poll is None:
            if len(self.polls) >= MAX_LOGINS and not self.forget_oldest():
                return None
            poll = Poll(next_at=time.monotonic())
        self.polls[name] = poll  # the latest is the last
        return poll

    def forget_oldest(self) -> bool:
        """Return False if all logins are in progress."""
        oldest = next(iter(self.polls))
        if self.polls[oldest].next_at > time.monotonic() - FORGET_AFTER:
            return False
        del self.polls[oldest]
        return True

    @contextmanager
    def asking(self, poll: Poll) -> Iterator[bool]:
        """Return whether TikTok may be asked about the login now. The next request must wait."""
        if poll.next_at > time.monotonic() or self.at_once >= MAX_AT_ONCE:
            yield False
            return
        poll.next_at = math.inf
        self.at_once += 1
        pause = INTERVAL
        try:
            yield True
        except RateLimited as error:
            pause = error.retry_after
            raise
        finally:
            self.at_once -= 1
            poll.next_at = time.monotonic() + pause


def too_many() -> RequestRefused:
    """The error for a login that cannot start now."""
    return RequestRefused(
        f"{MAX_LOGINS} logins by QR code, or {MAX_AT_ONCE} of their requests, are in progress in this process.",
        code="busy",
        status_code=503,
        hint="If these are not your users, put a rate limit in front of the route. Otherwise add workers.",
    )
