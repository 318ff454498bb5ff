"""A TikTok you can run: its sign-in pages and its API as one ASGI app that stays on this machine."""

from importlib.util import find_spec

if missing := [name for name in ("jinja2", "uvicorn") if find_spec(name) is None]:
    raise ModuleNotFoundError(
        f"The emulator needs {missing[0]}: pip install 'asgi-tiktok[emulator]'", name=missing[0]
    )

from asgi_tiktok.emulator.app import Emulator
from asgi_tiktok.emulator.endpoints.fault_injection import ConnectionReset
from asgi_tiktok.emulator.endpoints.webhooks import Delivery, WebhookSender
from asgi_tiktok.emulator.production import ProductionRefused
from asgi_tiktok.emulator.server import RunningEmulator, run_emulator
from asgi_tiktok.emulator.world.apps import DEFAULT_APP, DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, App
from asgi_tiktok.emulator.world.config import ConfigError
from asgi_tiktok.emulator.world.errors import ConsentRefused
from asgi_tiktok.emulator.world.exchanges import Exchange
from asgi_tiktok.emulator.world.faults import Fault
from asgi_tiktok.emulator.world.grants import Reason
from asgi_tiktok.emulator.world.knobs import Knobs
from asgi_tiktok.emulator.world.people import CAST, Person

__all__ = [
    "CAST",
    "DEFAULT_APP",
    "DEFAULT_CLIENT_KEY",
    "DEFAULT_CLIENT_SECRET",
    "App",
    "ConfigError",
    "ConnectionReset",
    "ConsentRefused",
    "Delivery",
    "Emulator",
    "Exchange",
    "Fault",
    "Knobs",
    "Person",
    "ProductionRefused",
    "Reason",
    "RunningEmulator",
    "WebhookSender",
    "run_emulator",
]
