"""Where this app lives: its origin and our routes in it, as the redirect_uri and the path say.

Nothing here comes from a Host or X-Forwarded header, which anybody can write.
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlencode, urlsplit

from starlette.types import Scope

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.http.next_path import safe_next
from asgi_tiktok.http.paths import RequestPath

DEFAULT_PATH = "/auth/tiktok"
DEFAULT_PORTS = {"https": ":443", "http": ":80"}


@dataclass(frozen=True, slots=True)
class Site:
    """The addresses of this app. The routes are below the mount, but `callback` is whole."""

    origin: str
    callback: str
    default_next: str
    login: str
    logout: str
    session: str
    webhook: str
    routes: frozenset[str]

    @classmethod
    def of(cls, redirect_uri: str, path: str, default_next: str) -> Self:
        """The site of a checked redirect_uri. Raises ConfigurationError for paths that cannot work."""
        if not re.fullmatch(r"(/[A-Za-z0-9_-]+)+", path):
            raise ConfigurationError(f"path={path!r} must look like /auth/tiktok, without a slash at its end.")
        parts = urlsplit(redirect_uri)
        names = {name: f"{path}/{name}" for name in ("login", "logout", "session", "webhook")}
        for name, route in names.items():
            if parts.path == route:
                raise ConfigurationError(
                    f"redirect_uri ends in {route!r}, which is our {name} route; "
                    f"register another one, such as {parts.scheme}://{parts.netloc}{path}/callback."
                )
        # As a browser writes it in Origin: without the scheme's own port (RFC 6454 §6.2).
        origin = f"{parts.scheme}://{parts.netloc.lower()}".removesuffix(DEFAULT_PORTS[parts.scheme])
        site = cls(
            origin=origin, callback=parts.path, default_next=default_next, routes=frozenset(names.values()), **names
        )
        if safe_next(default_next, reserved=site.reserved) != default_next:
            raise ConfigurationError(
                f"default_next={default_next!r} must be a path of this site, such as /, and none of our routes."
            )
        return site

    @property
    def secure(self) -> bool:
        return self.origin.startswith("https:")

    @property
    def reserved(self) -> frozenset[str]:
        routes = (self.login, self.logout, self.session, self.webhook, self.callback)
        return frozenset(route.casefold().rstrip("/") for route in routes)

    def next_path(self, value: str | None, mount: str = "") -> str:
        """`value` where it is a safe path of this site (RFC 9700 §4.11), else `default_next`."""
        accepted = safe_next(value, reserved=self.reserved, mount=mount) if value else None
        return accepted or self.default_next

    def url(self, route: str, mount: str, **query: str | None) -> str:
        """A link to one of our routes for a page of this site."""
        given = {name: value for name, value in query.items() if value}
        return f"{mount}{route}" + (f"?{urlencode(given)}" if given else "")

    def route_of(self, path: RequestPath) -> str | None:
        """Which of our routes the request is for, by its exact path, or None."""
        if path.below in self.routes:
            return path.below
        return self.callback if path.whole == self.callback else None


def leave_litestar_mount(scope: Scope) -> None:
    """Set `path` and `root_path` as they were asked for: Litestar's mount adds a slash, and names no prefix."""
    asked = unquote(scope.get("raw_path", b"").decode("latin-1")) or scope["path"]
    for path in (scope["path"], scope["path"][:-1]):
        if asked.endswith(path):
            scope["root_path"] = asked[: len(asked) - len(path)]
            scope["path"] = path or "/"
            return
