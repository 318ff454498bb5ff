"""One run of libFuzzer: `python -m fuzz.engine NAME`, followed by libFuzzer's own arguments."""

import sys
from importlib import import_module

import atheris

name, *arguments = sys.argv[1:]
with atheris.instrument_imports(include=["asgi_tiktok"]):
    target = import_module(f"fuzz.{name}")
# To merge the corpus, libFuzzer starts itself again with this command.
atheris.Setup([f"{sys.executable} -m fuzz.engine {name}", *arguments], target.run)
atheris.Fuzz()
