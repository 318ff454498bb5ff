"""Check with pyright that the types of the public names are complete: at least 99 %, as other projects see them."""

import importlib
import json
import subprocess
import sys
from types import FunctionType

MODULES = (
    "asgi_tiktok",
    *(f"asgi_tiktok.{name}" for name in ("django", "emulator", "fastapi", "litestar", "quart", "stores", "testing")),
    *(f"asgi_tiktok.stores.{name}" for name in ("redis", "sqlalchemy")),
)
REQUIRED = 0.99


def public_names() -> set[str]:
    """Return the full names of the public names, each with that of its definition."""
    names = set()
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            names.add(f"{module.__name__}.{name}")
            if isinstance(value, type | FunctionType):
                names.add(f"{value.__module__}.{value.__qualname__}")
    return names


def main() -> int:
    """Print each public name whose type is not known, and the share of those that are."""
    options = ("--verifytypes", "asgi_tiktok", "--ignoreexternal", "--outputjson", "--pythonpath", sys.executable)
    completed = subprocess.run(["pyright", *options], capture_output=True, check=False)  # noqa: S603, S607
    report = json.loads(completed.stdout)
    public = public_names()
    symbols = [
        symbol
        for symbol in report["typeCompleteness"]["symbols"]
        if symbol["name"] in public or symbol["name"].rpartition(".")[0] in public
    ]
    unknown = [symbol for symbol in symbols if not symbol["isTypeKnown"]]
    for symbol in unknown:
        print(symbol["name"], *(line["message"].splitlines()[0] for line in symbol["diagnostics"][:1]))
    share = 1 - len(unknown) / len(symbols)
    print(f"Public names with complete types: {len(symbols) - len(unknown)} of {len(symbols)}, {share:.1%}")
    return 0 if share >= REQUIRED else 1


if __name__ == "__main__":
    sys.exit(main())
