"""Where this app lives: its origin and our routes in it, as the redirect_uri and the path say.

Nothing here comes from a Host or X-Forwarded header, which anybody can write.
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote, urlencode, urlsplit

from starlette.types import Scope

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.next_path import safe_next

DEFAULT_PATH = "/auth/tiktok"
DEFAULT_PORTS = {"https": ":443", "http": ":80"}


@dataclass(frozen=True, slots=True)
class Site:
    """The addresses of this app. The routes stand below the app's `root_path`, but `callback` is whole."""

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

    def next_path(self, value: str | None, root_path: str = "") -> str:
        """`value` where it is a safe path of this site (RFC 9700 §4.11), else `default_next`."""
        accepted = safe_next(value, reserved=self.reserved, root_path=root_path) if value else None
        return accepted or self.default_next

    def url(self, route: str, root_path: str, **query: str | None) -> str:
        """A link to one of our routes for a page of this site."""
        given = {name: value for name, value in query.items() if value}
        return f"{root_path}{route}" + (f"?{urlencode(given)}" if given else "")

    def is_for_scripts(self, scope: Scope) -> bool:
        """True for those of our routes that people never look at."""
        return route_path(scope) in (self.session, self.webhook)

    def handles(self, scope: Scope) -> str | None:
        """Which of our routes the request is for, by its exact path, or None."""
        route = route_path(scope) if scope.get("root_path") else scope["path"]
        if route in self.routes:
            return route
        return self.callback if scope.get("root_path", "") + route == self.callback else None


def route_path(scope: Scope) -> str:
    """The path below `root_path`; some servers deliver it with the prefix and some without."""
    path: str = scope["path"]
    root_path: str = scope.get("root_path", "")
    if root_path and (path == root_path or path.startswith(root_path + "/")):
        return path[len(root_path) :]
    return path


def whole_path(scope: Scope, root_path: str) -> str:
    """The path and query that the visitor asked for, as a browser would write them."""
    path = asked_path(scope) if "litestar_app" in scope else scope["path"]
    if not path.startswith(f"{root_path}/"):
        path = root_path + path
    query = scope.get("query_string", b"").decode("latin-1")
    return quote(path, safe="/:@!$&'()*+,;=-._~") + (f"?{query}" if query else "")


def asked_path(scope: Scope) -> str:
    """The path as it came, whatever a mount of Litestar has made of it."""
    return unquote(scope.get("raw_path", b"").decode("latin-1")) or scope["path"]


def leave_litestar_mount(scope: Scope) -> None:
    """Set `path` and `root_path` as they were asked for: Litestar's mount adds a slash, and names no prefix."""
    asked = asked_path(scope)
    for path in (scope["path"], scope["path"][:-1]):
        if asked.endswith(path):
            scope["root_path"] = asked[: len(asked) - len(path)]
            scope["path"] = path or "/"
            return
