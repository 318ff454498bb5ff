"""The path of one request, read once (ASGI: HTTP Connection Scope, `path` and `root_path`)."""

from typing import NamedTuple
from urllib.parse import quote

from starlette.types import Scope

from asgi_tiktok.http.next_path import SAFE

MAX_REMEMBERED = 1_000  # paths
MAX_REMEMBERED_LENGTH = 200  # characters


class RequestPath(NamedTuple):
    """The three readings of a request's path that the package uses.

    Guards and our routes compare `below`, links begin with `mount`, and the registered `redirect_uri` and a
    login's `next` are `whole`.
    """

    below: str
    mount: str
    whole: str


class UnmountedPaths(dict[str, RequestPath]):
    """The paths of requests without a mount. An app has few, and looking one up is cheaper than building it."""

    def __missing__(self, path: str) -> RequestPath:
        unmounted = RequestPath(path, "", path)
        if len(self) < MAX_REMEMBERED and len(path) <= MAX_REMEMBERED_LENGTH:
            self[path] = unmounted
        return unmounted


def read_path(scope: Scope) -> RequestPath:
    """Read the path of a request; some servers and frameworks include `root_path` in `path`, others do not."""
    path: str = scope["path"]
    mount: str = scope.get("root_path", "")
    if not mount:
        return RequestPath(path, "", path)
    if path == mount or path.startswith(f"{mount}/"):
        return RequestPath(path[len(mount) :], mount, path)
    return RequestPath(path, mount, mount + path)


def as_reference(path: RequestPath, query_string: bytes) -> str:
    """The path and query that the visitor asked for, percent-encoded as in a browser's address bar."""
    query = query_string.decode("latin-1")
    return quote(path.whole, safe=SAFE) + (f"?{query}" if query else "")
