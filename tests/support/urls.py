"""URLs as browsers resolve them (WHATWG URL §4.4), for http and https."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

PORTS = {"http": 80, "https": 443}
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
AUTHORITY = re.compile(r"[/\\]*([^/\\?#]*)")
REFERENCE = re.compile(r"([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
FORBIDDEN = re.compile(r"[\x00-\x20#%/:<>?@\[\\\]^|\x7f]")
C0_OR_SPACE = "".join(map(chr, range(0x21)))


class InvalidURL(ValueError):
    """A browser would not follow the reference."""


@dataclass(frozen=True)
class URL:
    """An absolute URL. One that is neither http nor https has no host."""

    scheme: str
    host: str = ""
    port: int = 0
    path: str = "/"
    query: str = ""

    @classmethod
    def parse(cls, address: str) -> Self:
        return cls("about").join(address)

    @property
    def origin(self) -> str:
        port = "" if PORTS.get(self.scheme) == self.port else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}" if self.host else "null"

    @property
    def site(self) -> tuple[str, str]:
        """The scheme and the registrable domain. Every top-level domain counts as a public suffix."""
        return self.scheme, ".".join(self.host.split(".")[-2:])

    def __str__(self) -> str:
        return self.origin + self.path + (f"?{self.query}" if self.query else "")

    def join(self, reference: str) -> Self:
        """Return the target of a link or a Location header of this page."""
        text = re.sub(r"[\t\r\n]", "", reference.strip(C0_OR_SPACE))
        scheme, changes_scheme = self.scheme, False
        if found := SCHEME.match(text):
            scheme, text = found[1].lower(), text[found.end() :]
            changes_scheme = scheme != self.scheme
            if scheme not in PORTS:
                return type(self)(scheme, path=text)
        elif scheme not in PORTS:
            raise InvalidURL(reference)
        host, port, base = self.host, self.port, self.path
        if changes_scheme or re.match(r"[/\\]{2}", text):
            authority = AUTHORITY.match(text)
            assert authority
            host, port = parse_authority(authority[1], scheme)
            text, base = text[authority.end() :] or "/", "/"
        parts = REFERENCE.fullmatch(text)
        assert parts
        path, query = parts[1].replace("\\", "/"), parts[2] or ""
        if not path:
            return type(self)(scheme, host, port, base, query if parts[2] is not None else self.query)
        if not path.startswith("/"):
            path = base.rpartition("/")[0] + "/" + path
        return type(self)(scheme, host, port, remove_dot_segments(path), query)


def parse_authority(authority: str, scheme: str) -> tuple[str, int]:
    host, _, port = authority.rpartition("@")[2].partition(":")
    host = unicodedata.normalize("NFKC", unquote(host)).lower().replace("\u3002", ".")
    host = "".join(char for char in host if unicodedata.category(char) != "Cf")
    if not host or FORBIDDEN.search(host) or not re.fullmatch("[0-9]*", port):
        raise InvalidURL(authority)
    return host, int(port or PORTS[scheme])


def remove_dot_segments(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for number, segment in enumerate(segments):
        plain = segment.lower().replace("%2e", ".")
        if plain == "..":
            kept = kept[:-1]
        elif plain != ".":
            kept.append(segment)
        if plain in (".", "..") and number == len(segments) - 1:
            kept.append("")
    return "/" + "/".join(kept)
