"""Looks at an app in a process of its own: python -m asgi_tiktok.commands.import_probe main:app

The last line on stdout is JSON: {} for an app that can be served, and otherwise what stands in the way.
"""

import importlib
import inspect
import json
import os
import sys
import traceback
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

Verdict = dict[str, Any]


def main() -> None:
    # As uvicorn does it; whatever the interpreter's own idea of safe paths is.
    sys.path.insert(0, os.getcwd())
    with redirect_stdout(sys.stderr):
        verdict = examine(sys.argv[1])
    print("\n" + json.dumps(verdict), flush=True)
    sys.stderr.flush()
    # Threads that the app began at import would keep this process, and so the command, waiting.
    os._exit(0)


def examine(target: str) -> Verdict:
    """What stands in the way of serving the app."""
    name, _, path = target.partition(":")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            return {"missing": error.name}
        return describe(error)
    except BaseException as error:
        return describe(error)
    value: Any = module
    for attribute in path.split("."):
        if not hasattr(value, attribute):
            return {"lacks": attribute, "apps": apps_in(module), "names": public_names(module)}
        value = getattr(value, attribute)
    return {} if can_be_served(value) else {"kind": type(value).__name__}


def can_be_served(value: Any) -> bool:
    """Whether uvicorn takes it: an app or what makes one, and not, say, a handler of one request."""
    if inspect.iscoroutinefunction(value):
        return len(inspect.signature(value).parameters) == 3
    return callable(value)


def describe(error: BaseException) -> Verdict:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return {"raised": text, "place": place_of(error), "traceback": "".join(traceback.format_exception(error))}


def place_of(error: BaseException) -> str | None:
    """The last line of the person's own code on the way to the error."""
    here = Path.cwd()
    own = [
        f"{path.relative_to(here)}, line {frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if (path := Path(frame.filename)).is_relative_to(here) and "site-packages" not in path.parts
    ]
    return own[-1] if own else None


def apps_in(module: ModuleType) -> list[str]:
    """Names of what looks like an ASGI app."""
    return [name for name in public_names(module) if is_app(getattr(module, name))]


def public_names(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if not name.startswith("_") and callable(value)]


def is_app(value: Any) -> bool:
    call = value if inspect.isfunction(value) else type(value).__call__
    if isinstance(value, type) or not inspect.iscoroutinefunction(call):
        return False
    parameters = [name for name in inspect.signature(call).parameters if name != "self"]
    return parameters == ["scope", "receive", "send"]


if __name__ == "__main__":
    main()
