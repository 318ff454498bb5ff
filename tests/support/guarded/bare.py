"""The guarded routes without a framework: each way to find the path of a route in the scope."""

import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.guarded import OPEN, SECRET, GuardedApp

PUBLIC = ("/open", "/health")

Match = Callable[[str, str, Scope], bool]


def app_with(match: Match) -> Callable[[], ASGIApp]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        text = SECRET if match(scope["path"], scope.get("root_path", ""), scope) else OPEN
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": text})
            await send({"type": "websocket.close"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-text", text.encode())]})
        await send({"type": "http.response.body", "body": text.encode()})

    return lambda: app


def below(path: str) -> bool:
    return path == "/studio" or path.startswith("/studio/")


def resolved(path: str) -> list[str]:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment.split(";")[0])
    return kept


MATCHES: dict[str, Match] = {
    "exact": lambda path, root, scope: path == "/studio",
    "prefix": lambda path, root, scope: below(path),
    "begins with": lambda path, root, scope: path.startswith("/studio"),
    "cuts root_path": lambda path, root, scope: below(path.removeprefix(root)),
    "cuts root_path, no slash": lambda path, root, scope: path.removeprefix(root).lstrip("/").startswith("studio"),
    "replaces root_path": lambda path, root, scope: "/" + path.replace(root, "").lstrip("/") == "/studio",
    "replaces root_path once": lambda path, root, scope: "/" + path.replace(root, "", 1).lstrip("/") == "/studio",
    "splits at root_path": lambda path, root, scope: (
        path.split(root, 1)[-1].strip("/").startswith("studio") if root else below(path)
    ),
    "cuts as many characters": lambda path, root, scope: path.startswith(root) and below(path[len(root) :]),
    "adds root_path": lambda path, root, scope: below(root + path),
    "adds root_path, begins with": lambda path, root, scope: (root + path).startswith("/studio"),
    "adds a prefix": lambda path, root, scope: below(path.removeprefix("/app")) or below("/app" + path),
    "any case": lambda path, root, scope: bool(re.match("/studio", path, re.IGNORECASE)),
    "any case, upper": lambda path, root, scope: path.upper().startswith("/STUDIO"),
    "resolves": lambda path, root, scope: resolved(path)[:1] == ["studio"],
    "resolves, backslash": lambda path, root, scope: resolved(path.replace("\\", "/"))[:1] == ["studio"],
    "decodes again": lambda path, root, scope: below(unquote(path)) or below(unquote(unquote(path))),
    "parses an address": lambda path, root, scope: below(urlsplit("http://x" + path).path),
    "raw_path": lambda path, root, scope: below(unquote(scope["raw_path"].decode("latin-1"))),
}
EVERYWHERE: dict[str, Match] = {
    "path": lambda path, root, scope: path not in PUBLIC,
    "raw_path": lambda path, root, scope: scope["raw_path"].decode("latin-1") not in PUBLIC,
    "path below root_path": lambda path, root, scope: path.removeprefix(root) not in PUBLIC,
    "path with root_path": lambda path, root, scope: root + path not in PUBLIC,
}

APPS = {f"bare {name}": GuardedApp(app_with(match)) for name, match in MATCHES.items()} | {
    f"bare everywhere, {name}": GuardedApp(app_with(match), everywhere=True) for name, match in EVERYWHERE.items()
}
