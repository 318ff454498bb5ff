"""Where a browser goes from here (WHATWG URL §4.4), as far as http and https lead."""

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


class NoURL(ValueError):
    """A browser would stay where it is."""


@dataclass(frozen=True)
class URL:
    """An absolute address; one that is not http or https has no host."""

    scheme: str
    host: str = ""
    port: int = 0
    path: str = "/"
    query: str = ""

    @classmethod
    def of(cls, address: str) -> Self:
        return cls("about").join(address)

    @property
    def origin(self) -> str:
        port = "" if PORTS.get(self.scheme) == self.port else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}" if self.host else "null"

    @property
    def site(self) -> tuple[str, str]:
        """Scheme and registrable domain, taking every last label for a public suffix."""
        return self.scheme, ".".join(self.host.split(".")[-2:])

    def __str__(self) -> str:
        return self.origin + self.path + (f"?{self.query}" if self.query else "")

    def join(self, reference: str) -> Self:
        """Where a link or a Location header of this page leads."""
        text = re.sub(r"[\t\r\n]", "", reference.strip(C0_OR_SPACE))
        scheme, is_elsewhere = self.scheme, False
        if found := SCHEME.match(text):
            scheme, text = found[1].lower(), text[found.end() :]
            is_elsewhere = scheme != self.scheme
            if scheme not in PORTS:
                return type(self)(scheme, path=text)
        elif scheme not in PORTS:
            raise NoURL(reference)
        host, port, base = self.host, self.port, self.path
        if is_elsewhere or re.match(r"[/\\]{2}", text):
            authority = AUTHORITY.match(text)
            assert authority
            host, port = read_authority(authority[1], scheme)
            text, base = text[authority.end() :] or "/", "/"
        parts = REFERENCE.fullmatch(text)
        assert parts
        path, query = parts[1].replace("\\", "/"), parts[2] or ""
        if not path:
            return type(self)(scheme, host, port, base, query if parts[2] is not None else self.query)
        if not path.startswith("/"):
            path = base.rpartition("/")[0] + "/" + path
        return type(self)(scheme, host, port, without_dots(path), query)


def read_authority(authority: str, scheme: str) -> tuple[str, int]:
    host, _, port = authority.rpartition("@")[2].partition(":")
    host = unicodedata.normalize("NFKC", unquote(host)).lower().replace("\u3002", ".")
    host = "".join(char for char in host if unicodedata.category(char) != "Cf")
    if not host or FORBIDDEN.search(host) or not re.fullmatch("[0-9]*", port):
        raise NoURL(authority)
    return host, int(port or PORTS[scheme])


def without_dots(path: str) -> str:
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
