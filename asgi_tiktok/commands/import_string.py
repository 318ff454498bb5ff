"""Check of an import string, for example main:app: whether its app can be served, and what was probably meant."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from asgi_tiktok.commands.output import write_error
from asgi_tiktok.errors import ConfigurationError

IMPORT_TIMEOUT = 60  # seconds
FIXES = {
    "a factory": "add --factory, and it is called.",
    "a WSGI app": "wrap it, as in app = WsgiToAsgi(app) with the package asgiref.",
}
NAME = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"


def check_app(target: str, environ: Mapping[str, str], *, traceback: bool = False, factory: bool = False) -> None:
    """Import the app in another process. Raise ConfigurationError with the fix if it cannot be served.

    `traceback` prints the traceback of an exception that the app raises. `factory` calls the app without arguments.
    """
    module, _, attribute = target.partition(":")
    result = run_probe(target, environ, *(["--factory"] if factory else []))
    if missing := result.get("missing"):
        fix = other_module(module, attribute)
        raise ConfigurationError(f"There is no module {missing!r} in this folder; {fix}")
    if lacking := result.get("lacks"):
        apps, names = result["apps"], result["names"]
        close = get_close_matches(attribute, apps, 1, 0.4) or apps[:1] or get_close_matches(attribute, names, 1)
        fix = f"did you mean {module}:{close[0]}?" if close else "name the ASGI app in it, as in main:app."
        raise ConfigurationError(f"{module} has no {lacking!r}; {fix}")
    if kind := result.get("kind"):
        fix = FIXES.get(kind, "name the app itself, as in main:app.")
        raise ConfigurationError(f"{target} is {kind}, not an ASGI app; {fix}")
    if raised := result.get("raised"):
        if traceback:
            write_error(result["traceback"])
        line = f" ({result['line']})" if result["line"] else ""
        fix = "Correct it." if traceback else f"To see the traceback: asgi-tiktok dev {target} --traceback"
        raise ConfigurationError(f"{module} cannot be imported: {raised}{line}.", hint=fix)


def check_import_string(target: str) -> None:
    if re.fullmatch(rf"{NAME}:{NAME}", target) and not target.partition(":")[0].endswith(".py"):
        return
    path, _, attribute = target.rpartition(":") if ":" in target else (target, "", "")
    module = re.sub(r"[/\\]+", ".", path.removeprefix("./").removesuffix(".py")).strip(".")
    better = f"{module}:{attribute or 'app'}"
    example = better if re.fullmatch(rf"{NAME}:{NAME}", better) else "main:app"
    raise ConfigurationError(
        f"{target!r} does not name an app; write the module, a colon and the name of the app: {example}"
    )


def run_probe(target: str, environ: Mapping[str, str], *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "asgi_tiktok.commands.import_probe", target, *options]
    try:
        ended = subprocess.run(  # noqa: S603 -- runs the app that the developer named
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=IMPORT_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"The import of {target} took longer than {IMPORT_TIMEOUT} seconds; "
            "move slow code from the module to the app's lifespan."
        ) from None
    try:
        result: dict[str, Any] = json.loads(ended.stdout.rstrip().rpartition("\n")[2])
    except ValueError:
        check_file_names()
        raise ConfigurationError(
            f"The import of {target} ended the process with status {ended.returncode}; try: "
            f"python -c 'import {target.partition(':')[0]}'"
        ) from None
    return result


def check_file_names() -> None:
    """Raise ConfigurationError for a file in this folder that Python imports instead of a module of its own."""
    for file in sorted(Path().glob("*.py")):
        if file.stem in sys.stdlib_module_names:
            raise ConfigurationError(f"{file} hides Python's own module {file.stem}; rename the file.")


def other_module(module: str, attribute: str) -> str:
    """Return the fix for a module that does not exist: one in this folder or one level below it."""
    files = sorted([*Path().glob("*.py"), *Path().glob("*/*.py")])
    names = [".".join(file.with_suffix("").parts) for file in files if file.stem != "__init__"]
    names = [name for name in names if re.fullmatch(NAME, name)]
    wanted = module.rpartition(".")[2]
    close = [name for name in names if name.rpartition(".")[2] == wanted] or get_close_matches(module, names, 1, 0.5)
    if close:
        return f"did you mean {close[0]}:{attribute}?"
    return "run this command in the folder of the module, or name its package, as in package.main:app."
