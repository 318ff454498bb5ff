"""The app that a person names, as in main:app: whether it can be served, and what else was meant."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from asgi_tiktok.commands.import_probe import Verdict
from asgi_tiktok.errors import ConfigurationError

PATIENCE = 60  # seconds for the app to be imported
NAME = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"


def check_target(target: str, environ: Mapping[str, str], *, whole: bool = False) -> None:
    """Import the app in another process. Raises ConfigurationError, naming the cure, when that is not possible.

    `whole` prints the traceback of an exception that the app raises.
    """
    check_spelling(target)
    module, _, attribute = target.partition(":")
    verdict = ask(target, environ)
    if missing := verdict.get("missing"):
        raise ConfigurationError(f"There is no module {missing!r} here; {other_module(module, attribute)}")
    if lacking := verdict.get("lacks"):
        cure = other_app(module, attribute, verdict["apps"], verdict["names"])
        raise ConfigurationError(f"{module} has no {lacking!r}; {cure}")
    if kind := verdict.get("kind"):
        raise ConfigurationError(f"{target} is of type {kind}, and no ASGI app; name the app itself, as in main:app.")
    if raised := verdict.get("raised"):
        if whole:
            print(verdict["traceback"], file=sys.stderr)
        place = f" ({verdict['place']})" if verdict["place"] else ""
        more = "" if whole else f". To see the whole: asgi-tiktok dev {target} --traceback"
        raise ConfigurationError(f"{module} cannot be imported: {raised}{place}{more}")


def check_spelling(target: str) -> None:
    if re.fullmatch(rf"{NAME}:{NAME}", target) and not target.partition(":")[0].endswith(".py"):
        return
    path, _, attribute = target.rpartition(":") if ":" in target else (target, "", "")
    module = re.sub(r"[/\\]+", ".", path.removeprefix("./").removesuffix(".py")).strip(".")
    better = f"{module}:{attribute or 'app'}"
    example = better if re.fullmatch(rf"{NAME}:{NAME}", better) else "main:app"
    raise ConfigurationError(f"{target!r} names no app; write the module, a colon and the app in it: {example}")


def ask(target: str, environ: Mapping[str, str]) -> Verdict:
    command = [sys.executable, "-m", "asgi_tiktok.commands.import_probe", target]
    try:
        ended = subprocess.run(  # noqa: S603 -- the app that this person wants to be run
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"{target} was not imported within {PATIENCE} seconds; what waits at import belongs into its lifespan."
        ) from None
    try:
        verdict: Verdict = json.loads(ended.stdout.rstrip().rpartition("\n")[2])
    except ValueError:
        raise ConfigurationError(
            f"Importing {target} ended the process with status {ended.returncode}; try: python -c 'import "
            f"{target.partition(':')[0]}'"
        ) from None
    return verdict


def other_module(module: str, attribute: str) -> str:
    """The cure for a module that is not there."""
    names = list(modules_in(Path()))
    wanted = module.rpartition(".")[2]
    meant = [name for name in names if name.rpartition(".")[2] == wanted] or get_close_matches(module, names, 1, 0.5)
    if meant:
        return f"did you mean {meant[0]}:{attribute}?"
    return "run this in the folder that holds it, or name it from here, as in package.main:app."


def modules_in(folder: Path) -> Iterator[str]:
    """Modules in the folder and one level below it."""
    for path in sorted([*folder.glob("*.py"), *folder.glob("*/*.py")]):
        parts = path.with_suffix("").parts
        if all(part.isidentifier() for part in parts) and parts[-1] != "__init__":
            yield ".".join(parts)


def other_app(module: str, attribute: str, apps: list[str], names: Iterable[str]) -> str:
    """The cure for an app that is not in its module."""
    meant = get_close_matches(attribute, apps, 1, 0.4) or apps[:1] or get_close_matches(attribute, names, 1)
    return f"did you mean {module}:{meant[0]}?" if meant else "name the ASGI app in it, as in main:app."
