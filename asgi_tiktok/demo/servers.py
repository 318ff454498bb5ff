"""The demo and the emulator behind real ports, until the block ends."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from asgi_tiktok.demo.data_folder import FOLDER, open_folder
from asgi_tiktok.demo.emulator_setup import new_emulator
from asgi_tiktok.demo.ports import listen, on_port
from asgi_tiktok.demo.site import demo_site
from asgi_tiktok.emulator import (
    DEFAULT_APP,
    DEFAULT_CLIENT_KEY,
    DEFAULT_CLIENT_SECRET,
    App,
    Emulator,
    RunningEmulator,
    run_emulator,
)
from asgi_tiktok.emulator.server import serving
from asgi_tiktok.http.site import DEFAULT_PATH
from asgi_tiktok.tiktok import TikTok

PORT = 8000
EMULATOR_PORT = 8700
CALLBACK = f"{DEFAULT_PATH}/callback"
WEBHOOK = f"{DEFAULT_PATH}/webhook"
SCOPES = ("user.info.basic", "user.info.profile", "user.info.stats")
OPTIONAL_SCOPES = ("video.list",)
DEMO_APP = App(
    DEFAULT_CLIENT_KEY,
    DEFAULT_CLIENT_SECRET,
    redirect_uris=(f"http://localhost:*{CALLBACK}", f"http://127.0.0.1:*{CALLBACK}"),
    name="asgi-tiktok demo",
)


@dataclass(frozen=True, slots=True)
class Running:
    """Where it runs, and what to tell the person in the terminal."""

    url: str
    notice: str


@dataclass(frozen=True, slots=True)
class RunningDemo(Running):
    """The demo site, and the emulator that it signs in with."""

    emulator: RunningEmulator


@contextmanager
def run_demo(
    *, port: int | None = None, emulator_port: int | None = None, folder: Path = FOLDER
) -> Iterator[RunningDemo]:
    """Serve the demo and its emulator on loopback; without a port, on the usual one or the next free.

    Raises ConfigurationError when a port or the folder cannot be had.
    """
    secret_key, store = open_folder(folder)
    with ExitStack() as stack:
        stack.callback(store.close)
        listeners = on_port(port, PORT, "--port", listen)
        for listener in listeners:
            stack.enter_context(listener)
        url = f"http://localhost:{listeners[0].getsockname()[1]}"
        told = new_emulator(DEMO_APP, webhook_url=url + WEBHOOK)
        emulator = run_emulator_on(emulator_port, "--emulator-port", told, stack)
        tiktok = TikTok(
            client_key=DEFAULT_CLIENT_KEY,
            client_secret=DEFAULT_CLIENT_SECRET,
            redirect_uri=url + CALLBACK,
            secret_key=secret_key,
            scopes=SCOPES,
            optional_scopes=OPTIONAL_SCOPES,
            store=store,
            base_url=emulator.url,
        )
        stack.enter_context(serving(demo_site(tiktok, emulator.url), listeners))
        notice = describe_demo(
            with_detour(url, port, PORT), with_detour(emulator.url, emulator_port, EMULATOR_PORT), folder
        )
        yield RunningDemo(url, notice, emulator)


@contextmanager
def serve_emulator(*, port: int | None = None, config: Path | None = None) -> Iterator[Running]:
    """Serve the emulator alone. Raises ConfigurationError when the port or the config cannot be had."""
    with ExitStack() as stack:
        emulator = run_emulator_on(port, "--port", new_emulator(DEFAULT_APP, config=config), stack)
        address = with_detour(emulator.url, port, EMULATOR_PORT)
        yield Running(emulator.url, describe_emulator(address))


def run_emulator_on(port: int | None, option: str, emulator: Emulator, stack: ExitStack) -> RunningEmulator:
    def bind(candidate: int) -> RunningEmulator:
        return stack.enter_context(run_emulator(emulator, port=candidate))

    return on_port(port, EMULATOR_PORT, option, bind)


def describe_demo(site: str, emulator: str, folder: Path) -> str:
    return f"""
  asgi-tiktok demo

    Open       {site}
    Emulator   {emulator}
    Sign-ins   are kept in {folder}

  Ctrl-C ends it.
"""


def with_detour(url: str, port: int | None, default: int) -> str:
    """The address, and why it is not the usual one."""
    if port is None and urlsplit(url).port != default:
        return f"{url} (port {default} is taken)"
    return url


def describe_emulator(emulator: str) -> str:
    return f"""
  asgi-tiktok emulator

    Address    {emulator}
    Inspector  {emulator.partition(" ")[0]}/_emulator/

  Your app signs in with it when these are set; the port of the redirect URI is yours to choose:

    TIKTOK_BASE_URL={emulator.partition(" ")[0]}
    TIKTOK_CLIENT_KEY={DEFAULT_CLIENT_KEY}
    TIKTOK_CLIENT_SECRET={DEFAULT_CLIENT_SECRET}
    TIKTOK_REDIRECT_URI=http://localhost:8000{CALLBACK}
    TIKTOK_SECRET_KEY={secrets.token_urlsafe(32)}

  Ctrl-C ends it.
"""
