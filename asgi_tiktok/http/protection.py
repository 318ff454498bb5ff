"""Which paths require a signed-in user.

A guard must read a path as the app's router does, but routers differ: they ignore case, decode once more, resolve
`..`, cut `root_path` off with or without a slash after it, add a prefix of their own, mount other routers, or have a
route for every path that begins like a guarded one. Therefore a path is guarded if any of these readings leads to a
guarded prefix. Whatever a router cuts off or adds in front, the segments of the prefix remain in the path, in their
order, so the guard looks for them there:

- in `path` alone, after `root_path`, and without `root_path`, because an app may ignore it, add it or cut it out;
- decoded as often as it can be, in one case, without accents, control characters and empty segments;
- from any segment on, because routers that are mounted cut the segments in front off;
- also within a segment, if another segment is before it there: `/appstudio` below `/app`. Litestar cuts all the path
  up to the first `root_path`, wherever that is, and a mounted router's `root_path` ends in a segment of the path;
- with other segments between them if there is a `..`, or if one is found within a segment;
- with anything behind them, because `/studio{rest:path}` also serves `/studios`.

This guards more paths than necessary. A router that it does not cover must know a prefix that is in neither `path`
nor `root_path` and cut it off without looking for a slash, or remove text from the middle of a path.

A public path is the opposite: no other reading may exist. Daphne lets the client choose `root_path` by a header that
the app never sees. Therefore paths are public only below a `root_path` that `redirect_uri` allows, and they must be
spelled exactly, also in `raw_path`, which some routers use.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from urllib.parse import quote, unquote

from starlette.types import Scope

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.http.paths import RequestPath
from asgi_tiktok.validation import check_strings

MAX_LENGTH = 2_048  # characters of a path that is searched. A longer one is guarded.
MAX_DECODINGS = 4  # A path that can be decoded more often is guarded.
PLAIN_PATH = re.compile(r"/?|(/(?!\.{1,2}(/|$))[^/\\;%\x00-\x1f\x7f]+)+/?")


class Protection:
    """The path prefixes that `protect` guards and that `skip` leaves alone, and the exact paths in `public`.

    `mounts` are the values of `root_path` below which paths can be public: those that `redirect_uri` allows.
    """

    def __init__(
        self, protect: Iterable[str], public: Iterable[str], skip: Iterable[str] = (), mounts: Collection[str] = ()
    ) -> None:
        self.prefixes = [segments(fold(unquote(prefix))) for prefix in check_paths("protect", protect)]
        self.first_segments = [prefix[0] if prefix else "" for prefix in self.prefixes]
        self.public = frozenset(check_paths("public", public))
        self.skipped = tuple(path.rstrip("/") for path in check_paths("skip", skip))
        if "" in self.skipped:
            raise ConfigurationError(
                "skip contains '/', so no page would have a user.", hint='Write skip=("/static",).'
            )
        self.mounts = mounts
        if self.public and not self.prefixes:
            raise ConfigurationError(
                "public= exempts paths from protect=, which is empty.", hint='Write protect=("/",).'
            )

    def covers(self, path: RequestPath, scope: Scope) -> bool:
        """True if a request for this path requires a signed-in user."""
        if not self.prefixes or (path.below in self.public and self.is_public(path, scope)):
            return False
        requested: str = scope["path"]
        if requested[:1] != "/" or path.mount[:1] not in ("", "/"):
            return True  # no browser sends this, and apps read it differently
        if not path.mount:
            return self.leads_below(requested, "")
        # str.split and str.replace are what apps use to remove root_path.
        texts = {path.mount + requested, requested.replace(path.mount, ""), requested.replace(path.mount, "", 1)}
        texts.update(requested.split(path.mount, 1))
        return any(self.leads_below(text, path.mount) for text in texts)

    def is_public(self, path: RequestPath, scope: Scope) -> bool:
        if path.mount and path.mount not in self.mounts:
            return False
        raw_path = scope.get("raw_path")  # optional in ASGI
        spellings = (path.below, path.whole, quote(path.below), quote(path.whole))
        return raw_path is None or raw_path.split(b"?", 1)[0].decode("latin-1") in spellings

    def leads_below(self, text: str, mount: str) -> bool:
        """True if the text has the segments of a prefix."""
        if text.isascii() and text.isprintable() and "%" not in text:
            # Nearly all paths end here, in a tenth of the time.
            lower = text.lower()
            if not any(map(lower.__contains__, self.first_segments)):
                return False
        if len(text) > MAX_LENGTH:
            return True
        for _ in range(MAX_DECODINGS):
            folded = fold(text)
            parts = {part.strip() for part in re.split(r"[/\\]+", fold(mount) + "/" + folded)} - {""}
            if any(has_segments(segments(folded), prefix, parts) for prefix in self.prefixes):
                return True
            text, encoded = unquote(text), text
            if text == encoded:
                return False
        return True

    def skips(self, path: RequestPath, scope: Scope) -> bool:
        """True if no user is looked up for this path. A guarded path is never skipped."""
        skipped = any(path.below == prefix or path.below.startswith(f"{prefix}/") for prefix in self.skipped)
        return skipped and not self.covers(path, scope)


def has_one_reading(path: RequestPath, scope: Scope) -> bool:
    """True unless a router could take the path for another one, by its spelling or by its `root_path`."""
    requested: str = scope["path"]
    begins_alike = bool(path.mount) and requested.startswith(path.mount) and requested != path.whole
    return requested[:1] == "/" and not begins_alike and PLAIN_PATH.fullmatch(path.whole) is not None


def has_segments(path: list[str], prefix: list[str], parts: set[str]) -> bool:
    """True if the segments of the path contain those of the prefix in order. `parts` can be in front within one."""
    if not prefix:
        return True
    gaps = any(".." in segment for segment in path)
    found = set(range(-1, len(path)))  # where the previous segment of the prefix was found
    for wanted in prefix:
        first = min(found)
        found = {
            index
            for index, segment in enumerate(path)
            if (segment.startswith(wanted) and (index - 1 in found or (gaps and index > first)))
            or (index > first and is_within(segment, wanted, parts))
        }
        if not found:
            return False
    return True


def is_within(segment: str, wanted: str, parts: set[str]) -> bool:
    """True if one of the parts is in the segment, directly before the wanted text."""
    start = segment.find(wanted, 1)
    while start > 0:
        if segment[:start].strip() in parts:
            return True
        start = segment.find(wanted, start + 1)
    return False


def segments(folded: str) -> list[str]:
    """The segments that no router ignores. Some ignore what follows a `;`."""
    stripped = [part.strip() for part in re.split(r"[/\\]+", folded)]
    return [part for part in stripped if part.split(";", 1)[0].strip() not in ("", ".")]


def fold(text: str) -> str:
    """The text as a router reads it that ignores case, accents and invisible characters."""
    if not text.isascii():
        # Regular expressions without case take a dotless i or a long s for i or s, and some databases ignore accents.
        text = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
        text = text.upper().casefold()
    return text.lower() if text.isprintable() else "".join(filter(str.isprintable, text.lower()))


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
