"""Which paths are for signed-in people only."""

import re
from collections.abc import Iterable

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.validation import check_texts


class Protection:
    """Guards path prefixes, segment by segment; `public` lets exact paths through.

    A path is guarded as soon as one way of reading it leads below a prefix: `//studio`, `/x/../studio`,
    `/STUDIO` and `/studio/../x` are guarded like `/studio`, for apps differ in how lenient they are.
    """

    def __init__(self, protect: Iterable[str], public: Iterable[str]) -> None:
        self.prefixes = [segments(prefix, resolve=True) for prefix in check_paths("protect", protect)]
        self.first_words = [prefix[0] if prefix else "" for prefix in self.prefixes]
        self.public = frozenset(check_paths("public", public))
        if self.public and not self.prefixes:
            raise ConfigurationError('public= opens holes in protect=, which is empty; give protect=("/",).')

    def covers(self, path: str) -> bool:
        """True when a request for this path, below root_path, needs a signed-in user."""
        if not self.prefixes or path in self.public:
            return False
        if not path.startswith("/"):
            return True  # no browser asks for that; who knows what the app makes of it
        if not any(map(path.casefold().__contains__, self.first_words)):
            return False  # so are nearly all paths, and this takes a tenth of the time
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


def check_paths(name: str, paths: object) -> tuple[str, ...]:
    checked = check_texts(name, paths, "/studio")
    for path in checked:
        if not path.startswith("/"):
            raise ConfigurationError(f"{name} holds {path!r}, which does not begin with a slash.")
        if set(path) & set("*?#"):
            raise ConfigurationError(f"{name} holds {path!r}; give a plain path, which guards all below it.")
    return checked
