"""Apps as registered in the developer portal: keys, scopes and redirect URIs."""

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

from asgi_tiktok.emulator.world.hosts import hostname, is_local
from asgi_tiktok.emulator.world.scopes import BASIC, PROFILE, STATS, VIDEO_LIST, VIDEO_PUBLISH, VIDEO_UPLOAD
from asgi_tiktok.emulator.world.url_properties import check_url_property, covers

__all__ = ["DEFAULT_APP", "DEFAULT_CLIENT_KEY", "DEFAULT_CLIENT_SECRET", "App", "Platform", "RedirectURI"]

DEFAULT_CLIENT_KEY = "sbemulatorclientkey"
DEFAULT_CLIENT_SECRET = "emulator-client-secret-opens-nothing"  # noqa: S105

MAX_REDIRECT_URIS = 10
LOOPBACK_HOSTS = ("localhost", "127.0.0.1")
ANY_PORT = ":*/"


class Platform(Enum):
    """The portal tab of a redirect URI. It decides whether PKCE is required."""

    WEB = "Web"
    DESKTOP = "Desktop"
    NATIVE = "iOS or Android"


@dataclass(frozen=True, slots=True)
class RedirectURI:
    """A registered redirect URI (Login Kit for Web, Desktop, iOS and Android)."""

    pattern: str
    platform: Platform

    @classmethod
    def register(cls, uri: str) -> "RedirectURI":
        """Check `uri` against the portal's rules. Raises ValueError, which names the broken rule."""
        url = urlsplit(uri)
        if len(uri) >= 512:
            raise ValueError(f"redirect URI {uri[:40]!r}… has {len(uri)} characters; TikTok allows at most 511.")
        if not uri.isascii() or not uri.isprintable() or " " in uri:
            raise ValueError(f"redirect URI {uri!r} must contain only printable ASCII characters, without spaces.")
        if "?" in uri or "#" in uri:
            raise ValueError(f"redirect URI {uri!r} must be static: no query and no fragment.")
        if url.hostname in LOOPBACK_HOSTS:
            return cls._desktop(uri)
        if url.scheme != "https" or not url.hostname:
            raise ValueError(
                f"redirect URI {uri!r} must begin with https:// (Web), or be on localhost or 127.0.0.1 (Desktop)."
            )
        if "*" in uri or "@" in url.netloc:
            raise ValueError(f"redirect URI {uri!r} must have no wildcard and no user name on the Web platform.")
        return cls(uri, Platform.WEB)

    @classmethod
    def register_native(cls, uri: str) -> "RedirectURI":
        """Check the Universal Link or App Link of a native app, which has the rules of Web."""
        if not uri.startswith("https://") or cls.register(uri).platform is not Platform.WEB:
            raise ValueError(f"redirect URI {uri!r} must begin with https:// for iOS and Android, and not be local.")
        return cls(uri, Platform.NATIVE)

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
            raise ValueError(f"redirect URI {uri!r} needs a path, and only the port may be a wildcard.")
        return cls(uri, Platform.DESKTOP)

    def matches(self, uri: str) -> bool:
        """Return whether `uri` equals the pattern. A port wildcard matches any port."""
        before, wildcard, after = self.pattern.partition(ANY_PORT)
        if not wildcard:
            return uri == self.pattern
        return re.fullmatch(f"{re.escape(before)}:[0-9]{{1,5}}/{re.escape(after)}", uri) is not None


@dataclass(frozen=True)
class App:
    """An app in TikTok's developer portal.

    Attributes:
        client_key (str): The client key. A key that begins with `sb` belongs to a sandbox. Required.
        client_secret (str): The client secret. Required.
        redirect_uris (tuple[str, ...]): The registered redirect URIs, checked by the portal's rules. Required.
        scopes (tuple[str, ...]): The enabled scopes. Default: the three user.info scopes, video.list, video.upload
            and video.publish.
        name (str): The name on the consent page. Default: "Your app".
        webhook_url (str): Where events are sent, on this machine. Default: empty, no events.
        url_properties (tuple[str, ...]): The verified domains, for example "media.example.com", and URL prefixes, for
            example "https://example.com/videos/", from which TikTok may download media. Default: none.
        native_redirect_uris (tuple[str, ...]): The Universal Links and App Links that are registered for iOS and
            Android. Default: none.

    Raises:
        ValueError: A value is invalid. The message names the broken rule.
    """

    client_key: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...] = (BASIC, PROFILE, STATS, VIDEO_LIST, VIDEO_UPLOAD, VIDEO_PUBLISH)
    name: str = "Your app"
    webhook_url: str = ""
    url_properties: tuple[str, ...] = ()
    native_redirect_uris: tuple[str, ...] = ()
    _registered: tuple[RedirectURI, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("client_key", "client_secret"):
            value = getattr(self, name)
            if not value or re.search(r"\s", value):
                raise ValueError(f"{name} is empty or contains white space; copy it again.")
        if not self.redirect_uris:
            raise ValueError(f"The app {self.client_key} needs at least one redirect URI.")
        check_webhook_url(self.webhook_url)
        for url_property in self.url_properties:
            check_url_property(url_property)
        registered = (
            *(RedirectURI.register(uri) for uri in self.redirect_uris),
            *(RedirectURI.register_native(uri) for uri in self.native_redirect_uris),
        )
        object.__setattr__(self, "_registered", registered)
        for platform, number in Counter(uri.platform for uri in registered).items():
            if number > MAX_REDIRECT_URIS:
                raise ValueError(f"{number} redirect URIs for {platform.value}; TikTok allows {MAX_REDIRECT_URIS}.")

    @property
    def sandbox(self) -> bool:
        """Whether this is a sandbox app."""
        return self.client_key.startswith("sb")

    def redirect_for(self, uri: str) -> RedirectURI | None:
        """Return the registered redirect URI that matches `uri`, or None."""
        return next((known for known in self._registered if known.matches(uri)), None)

    def owns(self, url: str) -> bool:
        """Return whether TikTok may download media from this URL: it belongs to one of `url_properties`."""
        return any(covers(url_property, url) for url_property in self.url_properties)


def check_webhook_url(url: str) -> None:
    """Raise ValueError unless `url` is empty or local, because signed events must not leave this machine."""
    if url and not is_local_url(url):
        raise ValueError(
            f"webhook_url {url!r} is not on this machine; use for example http://localhost:8000/auth/tiktok/webhook."
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
