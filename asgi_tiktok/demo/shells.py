"""The shell in which a command runs, and how it sets a variable."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

SYNTAX = {
    "sh": "export {name}='{value}'",
    "csh": "setenv {name} '{value}'",
    "fish": "set -x {name} '{value}'",
    "PowerShell": "$env:{name} = '{value}'",
    "cmd": 'set "{name}={value}"',
}
# What a shell reads as something else between the quotes, and how to write it there.
ESCAPES: Mapping[str, Mapping[str, str]] = {
    "sh": {"'": r"'\''"},
    "csh": {"'": r"'\''", "!": r"\!"},
    "fish": {"'": r"\'", "\\": r"\\"},
    # PowerShell reads typographic quotes as the plain one.
    "PowerShell": {quote: quote * 2 for quote in "'‘’‚‛"},  # noqa: RUF001
    # A prompt of cmd has no escape for a percent sign, which matters only around the name of a variable.
    "cmd": {},
}
SHELLS = {
    **dict.fromkeys(("sh", "ash", "bash", "dash", "ksh", "zsh"), "sh"),
    **dict.fromkeys(("csh", "tcsh"), "csh"),
    "fish": "fish",
    "pwsh": "PowerShell",
}


def set_variables(variables: Mapping[str, str], shell: str) -> list[str]:
    """Return the lines that set the variables in the shell, one of `SYNTAX`."""
    escapes = str.maketrans(dict(ESCAPES[shell]))
    return [SYNTAX[shell].format(name=name, value=value.translate(escapes)) for name, value in variables.items()]


def current_shell(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> str:
    """Return the shell that has started this process, or the user's shell if another program has."""
    if platform == "win32":
        # PowerShell adds a folder of the user to the variable; cmd has the machine's folders only.
        return "PowerShell" if environ.get("PSModulePath", "").count(";") > 1 else "cmd"
    return SHELLS.get(parent_name()) or SHELLS.get(Path(environ.get("SHELL", "")).name, "sh")


def parent_name() -> str:
    """Return the name of the program that has started this process; empty where the system does not say."""
    with suppress(OSError):
        return Path(f"/proc/{os.getppid()}/comm").read_text().strip()
    return ""
