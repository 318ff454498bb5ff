"""Faults on demand: what goes wrong with the next calls of an endpoint."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from asgi_tiktok.emulator.world.knobs import check_choice
from asgi_tiktok.emulator.world.suggestions import suggestion

__all__ = ["ENDPOINTS", "KINDS", "OAUTH", "OPTIONS", "PAGES", "Fault", "FaultKind", "Faults", "endpoint_of"]

PAGES = ("authorize", "consent")
OAUTH = ("token", "revoke", "get_qrcode", "check_qrcode")
ENDPOINTS = {
    "authorize": ("GET", "/v2/auth/authorize/"),
    "consent": ("POST", "/v2/auth/authorize/"),
    "token": ("POST", "/v2/oauth/token/"),
    "revoke": ("POST", "/v2/oauth/revoke/"),
    "user_info": ("GET", "/v2/user/info/"),
    "video_list": ("POST", "/v2/video/list/"),
    "video_query": ("POST", "/v2/video/query/"),
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
    """What happens to the next `times` calls of `endpoint`.

    `slow` answers as always, `seconds` later. `reset` closes the connection without an answer. `429` and `5xx`
    (with `status`) refuse in TikTok's envelope, `retry_after` seconds in the header Retry-After. `html` is a
    gateway's page, with `status` 200 unless told otherwise. `truncated`, `huge` (`size` bytes) and `wrong-types`
    spoil the true answer: what was asked for has happened.
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
        if self.kind == "wrong-types" and self.endpoint in PAGES:
            raise ValueError(f"{self.endpoint} answers no JSON whose types could be wrong; choose another kind.")
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
    """The faults that wait for their calls, first come first served."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Fault]:
        return iter([*self._waiting])

    def add(self, endpoint: str, kind: FaultKind, times: int = 1, **options: Any) -> Fault:
        """Let the next `times` calls of the endpoint fail; ValueError names what can be asked for."""
        for name in options:
            if name not in OPTIONS:
                raise ValueError(f"{name} is no option of a fault; {suggestion(name, OPTIONS)}")
        fault = Fault(endpoint=endpoint, kind=kind, times=times, **options)
        with self._lock:
            self._waiting.append(fault)
        return fault

    def take(self, endpoint: str) -> Fault | None:
        """The fault that this call meets, counted down."""
        with self._lock:
            for fault in self._waiting:
                if fault.endpoint == endpoint:
                    fault.left -= 1
                    self._waiting = [fault for fault in self._waiting if fault.left]
                    return fault
        return None

    def clear(self) -> None:
        with self._lock:
            self._waiting = []


def endpoint_of(method: str, path: str) -> str | None:
    """The name of the endpoint, a missing slash forgiven as TikTok's web host does."""
    for name, known in ENDPOINTS.items():
        if (method, path.rstrip("/") + "/") == known:
            return name
    return None


def check_number(name: str, value: object, minimum: int, maximum: int) -> None:
    if type(value) is not int or not minimum <= value <= maximum:
        raise ValueError(f"{name}={value!r} is not a whole number from {minimum} to {maximum}.")
