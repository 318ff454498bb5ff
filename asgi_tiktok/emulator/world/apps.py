"""Apps as the developer portal knows them: keys, scopes and registered redirect URIs."""

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

from asgi_tiktok.emulator.world.hosts import hostname, is_local
from asgi_tiktok.emulator.world.scopes import BASIC, PROFILE, STATS, VIDEO_LIST

__all__ = ["DEFAULT_APP", "DEFAULT_CLIENT_KEY", "DEFAULT_CLIENT_SECRET", "App", "Platform", "RedirectURI"]

DEFAULT_CLIENT_KEY = "sbemulatorclientkey"
DEFAULT_CLIENT_SECRET = "emulator-client-secret-opens-nothing"  # noqa: S105

MAX_REDIRECT_URIS = 10
LOOPBACK_HOSTS = ("localhost", "127.0.0.1")
ANY_PORT = ":*/"


class Platform(Enum):
    """The portal's tab under which a redirect URI is registered; it decides about PKCE."""

    WEB = "Web"
    DESKTOP = "Desktop"


@dataclass(frozen=True, slots=True)
class RedirectURI:
    """One registered redirect URI (Login Kit for Web, Login Kit for Desktop)."""

    pattern: str
    platform: Platform

    @classmethod
    def register(cls, uri: str) -> "RedirectURI":
        """Check `uri` as the portal does; ValueError names the rule it breaks."""
        url = urlsplit(uri)
        if len(uri) >= 512:
            raise ValueError(f"redirect URI {uri[:40]!r}… has {len(uri)} characters; TikTok takes fewer than 512.")
        if not uri.isascii() or not uri.isprintable() or " " in uri:
            raise ValueError(f"redirect URI {uri!r} may only hold printable ASCII characters without spaces.")
        if "?" in uri or "#" in uri:
            raise ValueError(f"redirect URI {uri!r} must be static: no query and no fragment.")
        if url.hostname in LOOPBACK_HOSTS:
            return cls._desktop(uri)
        if url.scheme != "https" or not url.hostname:
            raise ValueError(
                f"redirect URI {uri!r} must begin with https:// (Web), "
                "or be http(s) on localhost or 127.0.0.1 (Desktop)."
            )
        if "*" in uri or "@" in url.netloc:
            raise ValueError(f"redirect URI {uri!r}: no wildcard and no user name on the Web platform.")
        return cls(uri, Platform.WEB)

    @classmethod
    def _desktop(cls, uri: str) -> "RedirectURI":
        origin = re.match(r"https?://(?:localhost|127\.0\.0\.1)(?P<port>:(?:[0-9]{1,5}|\*))?(?=/|$)", uri)
        if origin is None:
            raise ValueError(
                f"redirect URI {uri!r} must be http:// or https:// on localhost or 127.0.0.1, "
                "with a port of digits or the wildcard *."
            )
        if origin["port"] is None:
            raise ValueError(f"redirect URI {uri!r} needs a port, or the wildcard :* for any port.")
        path = uri[origin.end() :]
        if not path or "*" in path:
            raise ValueError(f"redirect URI {uri!r} needs a path, and the wildcard may only stand for the port.")
        return cls(uri, Platform.DESKTOP)

    def matches(self, uri: str) -> bool:
        """Whether `uri` is this string exactly, a port wildcard aside."""
        before, wildcard, after = self.pattern.partition(ANY_PORT)
        if not wildcard:
            return uri == self.pattern
        return re.fullmatch(f"{re.escape(before)}:[0-9]{{1,5}}/{re.escape(after)}", uri) is not None


@dataclass(frozen=True)
class App:
    """One TikTok app in the developer portal; a client key that begins with `sb` is a sandbox's."""

    client_key: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...] = (BASIC, PROFILE, STATS, VIDEO_LIST)
    name: str = "Your app"
    webhook_url: str = ""
    _registered: tuple[RedirectURI, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("client_key", "client_secret"):
            value = getattr(self, name)
            if not value or re.search(r"\s", value):
                raise ValueError(f"{name} is empty or holds white space.")
        if not self.redirect_uris:
            raise ValueError(f"The app {self.client_key} needs at least one redirect URI.")
        check_webhook_url(self.webhook_url)
        registered = tuple(RedirectURI.register(uri) for uri in self.redirect_uris)
        object.__setattr__(self, "_registered", registered)
        for platform, number in Counter(uri.platform for uri in registered).items():
            if number > MAX_REDIRECT_URIS:
                raise ValueError(f"{number} redirect URIs for {platform.value}; TikTok takes at most 10.")

    @property
    def sandbox(self) -> bool:
        return self.client_key.startswith("sb")

    def redirect_for(self, uri: str) -> RedirectURI | None:
        """The registered redirect URI that `uri` is, or None."""
        return next((known for known in self._registered if known.matches(uri)), None)


def check_webhook_url(url: str) -> None:
    """ValueError unless `url` is empty or on this machine: a signed event must not leave it."""
    if url and not is_local_url(url):
        raise ValueError(
            f"webhook_url {url!r} is not on this machine; give one like http://localhost:8000/auth/tiktok/webhook."
        )


def is_local_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = hostname(parts.netloc) if parts.port != 0 else ""
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(named) and is_local(named)


DEFAULT_APP = App(
    DEFAULT_CLIENT_KEY,
    DEFAULT_CLIENT_SECRET,
    redirect_uris=(
        "http://localhost:*/auth/tiktok/callback",
        "http://127.0.0.1:*/auth/tiktok/callback",
        "https://testserver/auth/tiktok/callback",
    ),
)
