"""Injected faults: what goes wrong with the next requests to an endpoint."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from asgi_tiktok.emulator.world.knobs import check_choice
from asgi_tiktok.emulator.world.suggestions import suggestion

__all__ = ["ENDPOINTS", "KINDS", "OAUTH", "OPTIONS", "PAGES", "Fault", "FaultKind", "Faults", "endpoint_of"]

PAGES = ("authorize", "consent")
# TikTok responds to uploads with a status only.
WITHOUT_JSON = (*PAGES, "upload")
OAUTH = ("token", "revoke", "get_qrcode", "check_qrcode")
ENDPOINTS = {
    "authorize": ("GET", "/v2/auth/authorize/"),
    "consent": ("POST", "/v2/auth/authorize/"),
    "token": ("POST", "/v2/oauth/token/"),
    "revoke": ("POST", "/v2/oauth/revoke/"),
    "user_info": ("GET", "/v2/user/info/"),
    "video_list": ("POST", "/v2/video/list/"),
    "video_query": ("POST", "/v2/video/query/"),
    "creator_info": ("POST", "/v2/post/publish/creator_info/query/"),
    "video_init": ("POST", "/v2/post/publish/video/init/"),
    "inbox_video_init": ("POST", "/v2/post/publish/inbox/video/init/"),
    "content_init": ("POST", "/v2/post/publish/content/init/"),
    "status_fetch": ("POST", "/v2/post/publish/status/fetch/"),
    "publish_cancel": ("POST", "/v2/post/publish/cancel/"),
    "upload": ("PUT", "/video/"),
    "get_qrcode": ("POST", "/v2/oauth/get_qrcode/"),
    "check_qrcode": ("POST", "/v2/oauth/check_qrcode/"),
}
FaultKind = Literal["slow", "reset", "429", "5xx", "html", "truncated", "huge", "wrong-types"]
KINDS: tuple[str, ...] = get_args(FaultKind)
OPTIONS = ("seconds", "status", "retry_after", "size")
MAX_SECONDS = 3600.0
MAX_SIZE = 256 * 2**20


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to the next requests to an endpoint.

    Attributes:
        endpoint (str): One of `ENDPOINTS`, for example "token". Required.
        kind (FaultKind): Required. "slow" delays the response. "reset" closes the connection without a response.
            "429" and "5xx" return an error in TikTok's format. "html" returns a gateway's error page. "truncated",
            "huge" and "wrong-types" change the body of the real response, so the request has taken effect.
        times (int): How many requests fail. Default: 1.
        seconds (float): The delay of "slow" in seconds, at most 3600. Default: 3.
        status (int | None): The HTTP status. Default: 429 for "429", 503 for "5xx", 200 for "html".
        retry_after (int): The header Retry-After of "429" and "5xx" in seconds. Default: 1.
        size (int): The body of "huge" in bytes, at most 256 MiB. Default: 16 MiB.
        left (int): How many requests will still fail.

    Raises:
        ValueError: A value is invalid. The message names the allowed values.
    """

    endpoint: str
    kind: FaultKind
    times: int = 1
    seconds: float = 3.0
    status: int | None = None
    retry_after: int = 1
    size: int = 16 * 2**20
    left: int = field(init=False)

    def __post_init__(self) -> None:
        if self.endpoint not in ENDPOINTS:
            raise ValueError(f"endpoint={self.endpoint!r} is not one of {', '.join(ENDPOINTS)}.")
        check_choice("kind", self.kind, FaultKind)
        if self.kind == "wrong-types" and self.endpoint in WITHOUT_JSON:
            raise ValueError(f"endpoint={self.endpoint!r} returns no JSON, so use another kind than 'wrong-types'.")
        check_number("times", self.times, 1, 1_000_000)
        check_number("retry_after", self.retry_after, 0, 86400)
        check_number("size", self.size, 1, MAX_SIZE)
        if (
            isinstance(self.seconds, bool)
            or not isinstance(self.seconds, int | float)
            or not (0 <= self.seconds <= MAX_SECONDS)
        ):
            raise ValueError(f"seconds={self.seconds!r} is not a number from 0 to {MAX_SECONDS:.0f}.")
        if self.status is None:
            self.status = {"429": 429, "5xx": 503}.get(self.kind, 200)
        minimum, maximum = (500, 599) if self.kind == "5xx" else (200, 599)
        check_number("status", self.status, minimum, maximum)
        self.left = self.times


class Faults:
    """The injected faults. Each request takes the oldest fault of its endpoint."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Fault]:
        return iter([*self._waiting])

    def add(self, endpoint: str, kind: FaultKind, times: int = 1, **options: Any) -> Fault:
        """Make the next `times` requests to the endpoint fail. See `Fault` for the values.

        Raises:
            ValueError: A value is invalid. The message names the allowed values.
        """
        for name in options:
            if name not in OPTIONS:
                raise ValueError(f"{name} is not an option of a fault; {suggestion(name, OPTIONS)}")
        fault = Fault(endpoint=endpoint, kind=kind, times=times, **options)
        with self._lock:
            self._waiting.append(fault)
        return fault

    def take(self, endpoint: str) -> Fault | None:
        """Return the fault of this request, or None, and decrement its count."""
        with self._lock:
            for fault in self._waiting:
                if fault.endpoint == endpoint:
                    fault.left -= 1
                    self._waiting = [fault for fault in self._waiting if fault.left]
                    return fault
        return None

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._waiting = []


def endpoint_of(method: str, path: str) -> str | None:
    """Return the name of the endpoint, or None. The trailing slash may be missing, as on TikTok's web host."""
    for name, known in ENDPOINTS.items():
        if (method, path.rstrip("/") + "/") == known:
            return name
    return None


def check_number(name: str, value: object, minimum: int, maximum: int) -> None:
    if type(value) is not int or not minimum <= value <= maximum:
        raise ValueError(f"{name}={value!r} is not a whole number from {minimum} to {maximum}.")
