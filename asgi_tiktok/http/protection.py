"""Which paths require a signed-in user."""

import re
from collections.abc import Iterable

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.validation import check_strings


class Protection:
    """The path prefixes that `protect` guards, without the exact paths in `public`.

    A path is guarded as soon as one way of reading it leads below a prefix: `//studio`, `/x/../studio`,
    `/STUDIO` and `/studio/../x` are guarded like `/studio`, because apps differ in how lenient they are.
    """

    def __init__(self, protect: Iterable[str], public: Iterable[str]) -> None:
        self.prefixes = [segments(prefix, resolve=True) for prefix in check_paths("protect", protect)]
        self.first_segments = [prefix[0] if prefix else "" for prefix in self.prefixes]
        self.public = frozenset(check_paths("public", public))
        if self.public and not self.prefixes:
            raise ConfigurationError(
                "public exempts paths from protect, which is empty.", hint='Write protect=("/",).'
            )

    def covers(self, path: str) -> bool:
        """True if a request for this path, below the mount, requires a signed-in user."""
        if not self.prefixes or path in self.public:
            return False
        if not path.startswith("/"):
            return True  # no browser sends this, and apps read it differently
        # Nearly all paths end here, in a tenth of the time.
        if not any(map(path.casefold().__contains__, self.first_segments)):
            return False
        readings = (segments(path, resolve=False), segments(path, resolve=True))
        return any(reading[: len(prefix)] == prefix for reading in readings for prefix in self.prefixes)


def segments(path: str, *, resolve: bool) -> list[str]:
    """The segments of the path as a lenient app would read it, with `..` resolved or kept."""
    kept: list[str] = []
    for part in re.split(r"[/\\]+", path.casefold()):
        segment = part.split(";", 1)[0]
        if resolve and segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    return kept


def check_paths(name: str, paths: object) -> tuple[str, ...]:
    checked = check_strings(name, paths, "/studio")
    for path in checked:
        if not path.startswith("/"):
            raise ConfigurationError(
                f"{name} contains {path!r}, which does not begin with a slash.", hint=f"Write '/{path}'."
            )
        if set(path) & set("*?#"):
            raise ConfigurationError(
                f"{name} contains {path!r}, which is not a plain path.",
                hint="Write a path without *, ? and #. A path in protect includes every path below it.",
            )
    return checked
