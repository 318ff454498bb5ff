"""The table of what passed."""

from collections.abc import Mapping
from importlib.metadata import version

from tests.support.servers import COMMANDS
from tests.support.sites import FRAMEWORKS, INSTALLS


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
