"""The limits of requests per minute and access token."""

import math
from collections import deque
from collections.abc import Callable

from asgi_tiktok.emulator.world.errors import APIError

__all__ = ["RateLimits"]

WINDOW = 60  # seconds
LIMITS = {
    "creator_info": 20,
    "video_init": 6,
    "inbox_video_init": 6,
    "content_init": 6,
    "status_fetch": 30,
}


class RateLimits:
    """Counts the requests of the last minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._requests: deque[tuple[float, str, str]] = deque()

    def count(self, endpoint: str, access_token: str) -> None:
        """Count a request.

        Raises:
            APIError: The token has used up the endpoint's limit.
        """
        now = self._clock()
        while self._requests and self._requests[0][0] <= now - WINDOW:
            self._requests.popleft()
        limit = LIMITS.get(endpoint, math.inf)
        if sum(request[1:] == (endpoint, access_token) for request in self._requests) >= limit:
            raise APIError(
                "rate_limit_exceeded",
                "Your request is blocked due to exceeding the API rate limit.",
                f"Send {endpoint} at most {limit} times in a minute with one access token; wait and try again.",
                status=429,
            )
        self._requests.append((now, endpoint, access_token))

    def clear(self) -> None:
        self._requests.clear()
