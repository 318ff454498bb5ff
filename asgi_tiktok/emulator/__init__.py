"""A TikTok you can run: its sign-in pages and its API as one ASGI app that stays on this machine."""

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
