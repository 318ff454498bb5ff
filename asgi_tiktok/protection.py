"""Which paths are for signed-in people only."""

import re
from collections.abc import Iterable

from asgi_tiktok.errors import ConfigurationError


class Protection:
    """Guards path prefixes, segment by segment; `public` lets exact paths through.

    A path is guarded as soon as one way of reading it leads below a prefix: `//studio`, `/x/../studio`,
    `/STUDIO` and `/studio/../x` are guarded like `/studio`, for apps differ in how lenient they are.
    """

    def __init__(self, protect: Iterable[str], public: Iterable[str]) -> None:
        prefixes = [check_path("protect", path) for path in check_paths("protect", protect)]
        self.prefixes = [segments(prefix, resolve=True) for prefix in prefixes]
        self.public = frozenset(check_path("public", path) for path in check_paths("public", public))
        if self.public and not self.prefixes:
            raise ConfigurationError('public= opens holes in protect=, which is empty; give protect=("/",).')

    def covers(self, path: str) -> bool:
        """True when a request for this path, below root_path, needs a signed-in user."""
        if not self.prefixes or path in self.public:
            return False
        readings = (segments(path, resolve=False), segments(path, resolve=True))
        return any(reading[: len(prefix)] == prefix for reading in readings for prefix in self.prefixes)


def segments(path: str, *, resolve: bool) -> list[str]:
    """The path as a lenient app would read it, with `..` resolved or left as it is."""
    kept: list[str] = []
    for part in re.split(r"[/\\]+", path.casefold()):
        segment = part.split(";", 1)[0]
        if resolve and segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    return kept


def check_paths(name: str, paths: Iterable[str]) -> tuple[str, ...]:
    if isinstance(paths, str):
        raise ConfigurationError(f"{name}={paths!r} is one text; give a tuple, such as ({paths!r},).")
    return tuple(paths)


def check_path(name: str, path: str) -> str:
    if not path.startswith("/"):
        raise ConfigurationError(f"{name} holds {path!r}, which does not begin with a slash.")
    return path
