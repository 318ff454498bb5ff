"""The package works without the modules and functions that only Unix has, as on Windows."""

import subprocess
import sys
from pathlib import Path

from tests.support.waiting import TIMEOUT

CODE = """
import asyncio, importlib, os, pkgutil, sys

del os.fork, os.register_at_fork
sys.modules["fcntl"] = sys.modules["pwd"] = None

import asgi_tiktok
from asgi_tiktok import ConfigurationError, SQLiteStore

REQUIRED = {"asgi_tiktok", "fcntl", "pwd"}
for module in pkgutil.walk_packages(asgi_tiktok.__path__, "asgi_tiktok.", onerror=lambda name: None):
    try:
        importlib.import_module(module.name)
    except (ImportError, ConfigurationError) as error:
        # Only the package of an extra may be missing.
        missing = error if isinstance(error, ModuleNotFoundError) else error.__cause__
        if not isinstance(missing, ModuleNotFoundError) or missing.name.partition(".")[0] in REQUIRED:
            raise
    else:
        print(module.name)

async def use_store():
    store = SQLiteStore(sys.argv[1])
    await store.set("key", b"value", ttl=60)
    print(await store.get("key"), await store.delete("key"), await store.get("key"))
    await store.aclose()

asyncio.run(use_store())
"""
RUNTIME = {"asgi_tiktok.middleware", "asgi_tiktok.tiktok", "asgi_tiktok.accounts.tokens", "asgi_tiktok.stores.sqlite"}


def test_every_module_imports_and_sqlite_works_without_unix(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE, str(tmp_path / "store.sqlite3")],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )

    assert run.returncode == 0, run.stderr
    *imported, result = run.stdout.splitlines()
    assert set(imported) >= RUNTIME
    assert result == "b'value' True None"
