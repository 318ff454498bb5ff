"""The table of what passed."""

from collections.abc import Mapping
from importlib.metadata import version

from tests.frameworks.servers import COMMANDS

FRAMEWORKS = {
    "starlette": "Starlette",
    "fastapi": "FastAPI",
    "quart": "Quart",
    "litestar": "Litestar",
    "django": "Django",
    "bare": "bare ASGI",
}
INSTALLS = ("wrap", "native", "mounted")
WITHOUT_WEBSOCKET = {
    ("quart", "daphne"): "Quart reads a WebSocket's scheme, which Daphne leaves out, also without us."
}


def table(passed: Mapping[tuple[str, ...], int]) -> str:
    """Markdown: a row for each framework and install, a column for each server, how many behaviours passed."""
    lines = [
        "| | install | " + " | ".join(f"{kind} {version(kind)}" for kind in COMMANDS) + " |",
        "|---|---|" + "---|" * len(COMMANDS),
    ]
    for framework, label in FRAMEWORKS.items():
        shown = label if framework == "bare" else f"{label} {version(framework)}"
        for install in INSTALLS:
            cells = [str(passed.get((framework, install, kind), 0)) for kind in COMMANDS]
            lines.append(f"| {shown} | {install} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
