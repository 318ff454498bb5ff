"""A TikTok you can run: its sign-in pages and its API as one ASGI app that stays on this machine."""

from importlib.util import find_spec

if missing := [name for name in ("jinja2", "uvicorn") if find_spec(name) is None]:
    raise ModuleNotFoundError(
        f"The emulator needs {missing[0]}: pip install 'asgi-tiktok[emulator]'", name=missing[0]
    )

from asgi_tiktok.emulator.app import Emulator
from asgi_tiktok.emulator.apps import DEFAULT_APP, DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, App
from asgi_tiktok.emulator.exchanges import Exchange
from asgi_tiktok.emulator.people import CAST, Person
from asgi_tiktok.emulator.refusals import ConsentRefused
from asgi_tiktok.emulator.server import RunningEmulator, run_emulator

__all__ = [
    "CAST",
    "DEFAULT_APP",
    "DEFAULT_CLIENT_KEY",
    "DEFAULT_CLIENT_SECRET",
    "App",
    "ConsentRefused",
    "Emulator",
    "Exchange",
    "Person",
    "RunningEmulator",
    "run_emulator",
]
