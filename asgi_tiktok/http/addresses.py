"""Several registered addresses of one app, and the choice between them by the `Host` header of a request.

The header only selects. What we send is always the registered string, never the text of the header.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.http.cookies import Header
from asgi_tiktok.http.origins import DEFAULT_PORTS
from asgi_tiktok.validation import check_redirect_uri

T = TypeVar("T")

Host = tuple[str, str]  # the name, and the port; "" for the default one

MAX_ADDRESSES = 10  # that an app may register (TikTok: Login Kit for Web)


def check_addresses(redirect_uris: object) -> tuple[str, ...]:
    """Return the registered strings, if the `Host` header of a request can select each of them."""
    fix = 'Write ("https://app.example.com/auth/tiktok/callback", "https://app.example.org/auth/tiktok/callback").'
    if not isinstance(redirect_uris, Sequence) or isinstance(redirect_uris, bytes):
        found = type(redirect_uris).__name__
        raise ConfigurationError(f"redirect_uri must be a string or a list of strings, not {found}.", hint=fix)
    if not 1 <= len(redirect_uris) <= MAX_ADDRESSES:
        raise ConfigurationError(
            f"redirect_uri has {len(redirect_uris)} addresses, and must have 1 to {MAX_ADDRESSES}.",
            hint=fix if not redirect_uris else f"Remove some, because TikTok registers {MAX_ADDRESSES} at most.",
        )
    by_host: dict[Host, str] = {}
    for uri in map(check_redirect_uri, redirect_uris):
        host = host_in(uri)
        if host in by_host:
            raise ConfigurationError(
                f"redirect_uri contains {by_host[host]!r} and {uri!r}, which have the same host, so no request can "
                "select one of them.",
                hint="Remove one of them, or use two TikTok(...) with different path=.",
            )
        by_host[host] = uri
    return tuple(by_host.values())


class Addresses(Generic[T]):
    """What serves each address of an app, by its origin."""

    def __init__(self, served: Mapping[str, T]) -> None:
        self.by_host = {host_in(origin): value for origin, value in served.items()}
        names = [name for name, _ in self.by_host]
        self.by_name = {name: value for (name, _), value in self.by_host.items() if names.count(name) == 1}

    def find(self, headers: Iterable[Header]) -> T | None:
        """Return what serves the host of a request, or None for a host that is not in the list.

        The port decides only between addresses with the same name, because proxies often write their own.
        """
        sent = [value for name, value in headers if name == b"host"]
        if len(sent) != 1:
            return None
        host = read_host(sent[0].decode("latin-1"))
        found = self.by_host.get(host)
        return self.by_name.get(host[0]) if found is None else found


def host_in(url: str) -> Host:
    """Return the host of a registered address as a browser writes it in `Host`."""
    parts = urlsplit(url)
    name, port = read_host(parts.netloc)
    return name, "" if port == str(DEFAULT_PORTS[parts.scheme]) else port


def read_host(text: str) -> Host:
    """Return the parts of the header `Host` (RFC 9110 §7.2). Names ignore case and the dot of the root."""
    name, colon, port = text.lower().rpartition(":")
    if not colon or not (port.isdecimal() or port == ""):
        name, port = text.lower(), ""
    return name.removesuffix("."), port
