"""The table of behaviors that passed, by framework, install and server."""

from collections.abc import Mapping
from importlib.metadata import version

from tests.support.servers import COMMANDS
from tests.support.sites import FRAMEWORKS, INSTALLS


def results_table(passed: Mapping[tuple[str, ...], int]) -> str:
    """Return a Markdown table with the number of behaviors that passed.

    It has a row for each framework and install, and a column for each server.
    """
    lines = [
        "| | install | " + " | ".join(f"{kind} {version(kind)}" for kind in COMMANDS) + " |",
        "|---|---|" + "---:|" * len(COMMANDS),
    ]
    for framework, label in FRAMEWORKS.items():
        name_and_version = label if framework == "bare" else f"{label} {version(framework)}"
        for install in INSTALLS:
            cells = [str(passed.get((framework, install, kind), 0)) for kind in COMMANDS]
            lines.append(f"| {name_and_version} | {install} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
