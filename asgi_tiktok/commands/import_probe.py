"""Import an app in a process of its own: `python -m asgi_tiktok.commands.import_probe main:app`.

The last line on stdout is JSON: {} for an app that can be served, and otherwise the reason why not.
"""

import importlib
import inspect
import json
import os
import sys
import traceback
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any


def main() -> None:
    # As uvicorn does, whatever the interpreter's setting of safe paths is.
    sys.path.insert(0, os.getcwd())
    with redirect_stdout(sys.stderr):
        result = probe(sys.argv[1], factory="--factory" in sys.argv)
    print("\n" + json.dumps(result), flush=True)
    sys.stderr.flush()
    # Threads that the app has started at import would keep this process alive, and the command would wait for it.
    os._exit(0)


def probe(target: str, *, factory: bool = False) -> dict[str, Any]:
    """Return the reason why the app cannot be served; empty if it can."""
    name, _, path = target.partition(":")
    try:
        module = importlib.import_module(name)
    except BaseException as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            return {"missing": error.name}
        return raised(error)
    value: Any = module
    for attribute in path.split("."):
        if not hasattr(value, attribute):
            named = {key: item for key, item in vars(module).items() if not key.startswith("_") and callable(item)}
            apps = [key for key, item in named.items() if looks_like_app(item)]
            return {"lacks": attribute, "apps": apps, "names": list(named)}
        value = getattr(value, attribute)
    if factory:
        try:
            value = value()
        except Exception as error:
            return raised(error)
    kind = kind_of(value)
    return {"kind": kind} if kind else {}


def raised(error: BaseException) -> dict[str, Any]:
    """Return the reason for an app that raises an error."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return {"raised": text, "line": line_of(error), "traceback": "".join(traceback.format_exception(error))}


def kind_of(value: Any) -> str | None:
    """Return None for an app, and otherwise what the value is, for example a factory or a request handler."""
    other = f"of type {type(value).__name__}"
    if not callable(value):
        return other
    try:
        signature = inspect.signature(value)
    except ValueError:  # a callable that is written in C
        return None
    if accepts(signature, 3):
        return None
    if inspect.iscoroutinefunction(value) or isinstance(value, type):
        return other
    return "a WSGI app" if accepts(signature, 2) else "a factory" if accepts(signature, 0) else other


def accepts(signature: inspect.Signature, count: int) -> bool:
    """Return whether a callable can be called with this number of arguments."""
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def line_of(error: BaseException) -> str | None:
    """Return the last line of the developer's own code in the traceback."""
    folder = Path.cwd()
    own = [
        f"{path.relative_to(folder)}, line {frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if (path := Path(frame.filename)).is_relative_to(folder) and "site-packages" not in path.parts
    ]
    return own[-1] if own else None


def looks_like_app(value: Any) -> bool:
    call = value if inspect.isfunction(value) else type(value).__call__
    if isinstance(value, type) or not inspect.iscoroutinefunction(call):
        return False
    parameters = [name for name in inspect.signature(call).parameters if name != "self"]
    return parameters == ["scope", "receive", "send"]


if __name__ == "__main__":
    main()
