"""The addresses of this site: its origin and our routes, derived from `redirect_uri` and `path`.

Nothing here comes from a Host or X-Forwarded header, because any client can write those. A request can choose a part
of its path and of its mount, so each of these parts must pass the rule for `next` before it is in an address.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import QueryParams

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.http.next_path import is_local_path, pack, safe_link, safe_next, unpack
from asgi_tiktok.http.origins import DEFAULT_PORTS, without_default_port
from asgi_tiktok.http.paths import RequestPath, as_reference
from asgi_tiktok.validation import DESKTOP_HOSTS

DEFAULT_PATH = "/auth/tiktok"
MAX_NEXT = 1024  # bytes of UTF-8, not percent-encoded; the cookie of a login must hold it


@dataclass(frozen=True, slots=True)
class Site:
    """The addresses of this site. The routes are below the mount, but `callback` is the whole path."""

    origin: str
    path: str
    callback: str
    default_next: str
    login: str
    logout: str
    session: str
    webhook: str
    avatar: str
    button: str
    routes: frozenset[str]
    trusted_origins: frozenset[str]

    @classmethod
    def of(
        cls,
        redirect_uri: str,
        path: str,
        default_next: str,
        trusted_origins: frozenset[str] = frozenset(),
        optional_routes: Iterable[str] = (),
    ) -> Self:
        """Return the site of a checked redirect_uri. Raises ConfigurationError for paths that cannot work.

        `optional_routes` are the names of routes that the app's settings turn on.
        """
        if not re.fullmatch(r"(/[A-Za-z0-9_-]+)+", path):
            fix = "Write one like /auth/tiktok, without a slash at the end."
            raise ConfigurationError(f"path={path!r} is not a plain path.", hint=fix)
        parts = urlsplit(redirect_uri)
        if parts.path == "/":
            raise ConfigurationError(
                f"redirect_uri={redirect_uri!r} has the path /, where a callback is not possible, because it would "
                "replace the start page of the app.",
                hint=f"Register another address, for example {redirect_uri}{path[1:]}/callback.",
            )
        names = {name: f"{path}/{name}" for name in ("login", "logout", "session", "webhook", "avatar")}
        names["button"] = f"{path}/button.css"
        optional = {name: f"{path}/{name}" for name in optional_routes}
        for name, route in {**names, **optional}.items():
            if parts.path == route:
                raise ConfigurationError(
                    f"redirect_uri ends in {route!r}, which is our {name} route.",
                    hint=f"Register another address, for example {parts.scheme}://{parts.netloc}{path}/callback.",
                )
        site = cls(
            origin=without_default_port(parts.scheme, parts.netloc.lower()),
            path=path,
            callback=parts.path,
            default_next=default_next,
            routes=frozenset([*names.values(), *optional.values()]),
            trusted_origins=trusted_origins,
            **names,
        )
        if site.accepted_next(default_next, "") != default_next:
            raise ConfigurationError(
                f"default_next={default_next!r} must be a path of this site, and not one of our routes.",
                hint='Write "/", or a whole address of an origin in trusted_origins.',
            )
        return site

    @property
    def secure(self) -> bool:
        return self.origin.startswith("https:")

    @property
    def is_local(self) -> bool:
        """Whether only the machine of a developer, or a test, has this address."""
        return urlsplit(self.origin).hostname in (*DESKTOP_HOSTS, "testserver")

    @property
    def cookie_suffix(self) -> str:
        """The suffix that keeps the cookies of several TikTok apps on one host apart.

        It contains the port on loopback, where all apps in development share the cookies of the host, and a hash of
        the paths if they are not the default ones.
        """
        parts = urlsplit(self.origin)
        port = f".{parts.port or DEFAULT_PORTS[parts.scheme]}" if parts.hostname in DESKTOP_HOSTS else ""
        if (self.path, self.callback) == (DEFAULT_PATH, f"{DEFAULT_PATH}/callback"):
            return port
        return f"{port}.{sha256(f'{self.path} {self.callback}'.encode()).hexdigest()[:8]}"

    @property
    def mounts(self) -> frozenset[str]:
        """The `root_path` below which `redirect_uri` expects the app, if the callback is below `path`."""
        mount, found, _ = self.callback.rpartition(f"{self.path}/")
        return frozenset({mount} if found else ())

    @property
    def reserved(self) -> frozenset[str]:
        return frozenset(route.casefold().rstrip("/") for route in (*self.routes, self.callback))

    def next_path(self, value: str | None, mount: str = "") -> str:
        """Return `value` if a login or sign-out may lead to it (RFC 9700 §4.11), otherwise `default_next`."""
        return (self.accepted_next(value, mount) if value else None) or self.default_next

    def accepted_next(self, value: str, mount: str) -> str | None:
        """Return `value`, percent-encoded, if it is a safe path of this site or an address of a trusted origin."""
        origin = next((origin for origin in self.trusted_origins if f"{value}/".startswith(f"{origin}/")), "")
        if origin:
            value, mount = value.removeprefix(origin) or "/", ""
        reserved = self.reserved if origin in ("", self.origin) else ()
        path = safe_next(value, reserved=reserved, mount=mount, max_length=MAX_NEXT - len(origin))
        return origin + path if path else None

    def requested_next(self, query: QueryParams, mount: str) -> str:
        """Return the `next` of a request if it is there once and safe, otherwise `default_next`."""
        values = query.getlist("next")
        return self.next_path(values[0] if len(values) == 1 else None, mount)

    def page(self, path: RequestPath, query_string: bytes) -> str | None:
        """Return the path and query that the visitor asked for, or None if a login must not lead there."""
        if len(path.whole) > MAX_NEXT or len(query_string) > 3 * MAX_NEXT or not is_local_path(path.whole):
            return None
        return self.accepted_next(as_reference(path, query_string), path.mount)

    def is_safe_mount(self, mount: str) -> bool:
        """True if a link below this mount leads to this site."""
        return safe_link(mount, self.path) is not None

    def check_mount(self, mount: str) -> None:
        """Raise ConfigurationError if the callback is not below this mount, and so never reaches the app."""
        if mount and not self.callback.startswith(f"{mount}/"):
            raise ConfigurationError(
                f"The app is mounted at {mount!r}, but the path of redirect_uri is {self.callback!r}.",
                hint=f"Register {self.origin}{mount}{self.callback} in the portal, and write it as redirect_uri.",
            )

    def optional_route(self, name: str) -> str:
        """The path of a route that a setting turns on."""
        return f"{self.path}/{name}"

    def url(self, route: str, mount: str, *, next: str | None = None, **query: str | None) -> str:
        """Return the link to one of our routes for a page of this site, without a mount that is not safe.

        `next` is in its short form, because proxies limit the length of a Location header.
        """
        given = {name: value for name, value in {"next": next and unpack(pack(next)), **query}.items() if value}
        return (safe_link(mount, route) or route) + (f"?{urlencode(given)}" if given else "")

    def route_of(self, path: RequestPath) -> str | None:
        """The route that the request is for, by its exact path, or None."""
        if path.below in self.routes:
            return path.below
        return self.callback if path.whole == self.callback else None
