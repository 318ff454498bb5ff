"""The URLs of TikTok's endpoints."""

from functools import lru_cache
from typing import Self
from urllib.parse import urlsplit

import httpx2

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.validation import check_string, split_url, without_password

TIKTOK_DOMAINS = (".tiktok.com", ".tiktokapis.com")
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class Endpoints:
    """The URLs of one TikTok. They end with a slash, because TikTok's gateway returns 404 otherwise."""

    def __init__(self, website: str, api: str, *, private: bool = False) -> None:
        self.private = private  # whether the host is in a private network, and requests must not leave it
        self.issuer = website  # RFC 9207 §2
        self.authorization = f"{website}/v2/auth/authorize/"
        self.api = api
        self.token = f"{api}/v2/oauth/token/"
        self.revocation = f"{api}/v2/oauth/revoke/"
        self.user_info = f"{api}/v2/user/info/"

    @property
    def is_tiktok(self) -> bool:
        """Whether requests go to the real TikTok, also if it is named in `base_url`."""
        hosts = [f".{urlsplit(url).hostname}".rstrip(".") for url in (self.authorization, self.token)]
        return any(host.endswith(TIKTOK_DOMAINS) for host in hosts)

    @classmethod
    def at(cls, base_url: str, *, insecure: bool = False) -> Self:
        """Return the URLs of a TikTok whose endpoints have one origin, for example an emulator.

        Raises ConfigurationError for anything but an https origin, or an http origin on this machine, or with
        `insecure` in a private network.
        """
        fix = "Write the scheme and the host only, for example http://127.0.0.1:8700."
        parts, _ = split_url("base_url", check_string("base_url", base_url, fix).rstrip("/"))
        host = parts.hostname
        shown = f"base_url={without_password(base_url)!r}"
        more = parts.path or parts.query or parts.fragment or parts.username is not None
        if parts.scheme not in ("https", "http") or not host or more:
            raise ConfigurationError(f"{shown} must be an origin with https, or with http on this machine.", hint=fix)
        private = parts.scheme == "http" and host not in LOOPBACK_HOSTS
        if private:
            from asgi_tiktok.client.private_network import check_private_host

            check_private_host(shown, host, insecure=insecure)
        origin = f"{parts.scheme}://{parts.netloc}"
        return cls(origin, origin, private=private)

    def check_redirect_uri(self, redirect_uri: str) -> None:
        """Raise ConfigurationError if logins by an emulator in a private network return to a public address."""
        if self.private:
            from asgi_tiktok.client.private_network import check_not_production

            check_not_production(urlsplit(self.api).hostname or "", redirect_uri)


TIKTOK = Endpoints("https://www.tiktok.com", "https://open.tiktokapis.com")


@lru_cache(maxsize=64)
def parse_url(url: str) -> httpx2.URL:
    """Return the URL. Cached, because httpx2 takes long to parse a URL."""
    return httpx2.URL(url)


@lru_cache(maxsize=64)
def with_fields(url: str, names: tuple[str, ...]) -> httpx2.URL:
    """Return the URL that requests these fields. Cached, like `parse_url`."""
    return httpx2.URL(url, params={"fields": ",".join(names)})
