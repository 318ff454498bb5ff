"""Serve the demo and the emulator on real ports."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from asgi_tiktok.demo.data_folder import FOLDER, open_folder
from asgi_tiktok.demo.emulator_setup import new_emulator
from asgi_tiktok.demo.ports import listen_on, on_port
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
class RunningServer:
    """The address of a server, and the notice for the terminal."""

    url: str
    notice: str


@dataclass(frozen=True, slots=True)
class RunningDemo(RunningServer):
    """The demo site, and the emulator that it signs in with."""

    emulator: RunningEmulator


@contextmanager
def run_demo(
    *, port: int | None = None, emulator_port: int | None = None, folder: Path = FOLDER
) -> Iterator[RunningDemo]:
    """Serve the demo and its emulator on loopback. Without a port, use the default port or the next free one.

    Raises ConfigurationError if a port or the folder cannot be used.
    """
    secret_key, store = open_folder(folder)
    with ExitStack() as stack:
        stack.callback(store._close)
        listeners = listen_on(port, PORT, "--port", stack)
        url = f"http://localhost:{listeners[0].getsockname()[1]}"
        emulator = new_emulator(DEMO_APP, webhook_url=url + WEBHOOK)
        running = run_emulator_on(emulator_port, "--emulator-port", emulator, stack)
        tiktok = TikTok(
            client_key=DEFAULT_CLIENT_KEY,
            client_secret=DEFAULT_CLIENT_SECRET,
            redirect_uri=url + CALLBACK,
            secret_key=secret_key,
            scopes=SCOPES,
            optional_scopes=OPTIONAL_SCOPES,
            store=store,
            base_url=running.url,
        )
        stack.enter_context(serving(demo_site(tiktok, running.url), listeners))
        notice = demo_notice(with_note(url, port, PORT), with_note(running.url, emulator_port, EMULATOR_PORT), folder)
        yield RunningDemo(url, notice, running)


@contextmanager
def serve_emulator(*, port: int | None = None, config: Path | None = None) -> Iterator[RunningServer]:
    """Serve the emulator alone. Raise ConfigurationError if the port or the config file cannot be used."""
    with ExitStack() as stack:
        running = run_emulator_on(port, "--port", new_emulator(DEFAULT_APP, config=config), stack)
        yield RunningServer(running.url, emulator_notice(running.url, with_note(running.url, port, EMULATOR_PORT)))


def run_emulator_on(port: int | None, option: str, emulator: Emulator, stack: ExitStack) -> RunningEmulator:
    def bind(candidate: int) -> RunningEmulator:
        return stack.enter_context(run_emulator(emulator, port=candidate))

    return on_port(port, EMULATOR_PORT, option, bind)


def with_note(url: str, port: int | None, default: int) -> str:
    """Return the address, with a note if it does not have the default port."""
    if port is None and urlsplit(url).port != default:
        return f"{url} (port {default} is in use)"
    return url


def demo_notice(site: str, emulator: str, folder: Path) -> str:
    return f"""
  asgi-tiktok demo

    Open       {site}
    Emulator   {emulator}
    Sessions   kept in {folder}

  Press Ctrl-C to stop.
"""


def emulator_notice(url: str, address: str) -> str:
    return f"""
  asgi-tiktok emulator

    Address    {address}
    Inspector  {url}/_emulator/

  Set these variables, and your app signs in with this emulator. Use the port of your app in the redirect URI:

    TIKTOK_BASE_URL={url}
    TIKTOK_CLIENT_KEY={DEFAULT_CLIENT_KEY}
    TIKTOK_CLIENT_SECRET={DEFAULT_CLIENT_SECRET}
    TIKTOK_REDIRECT_URI=http://localhost:8000{CALLBACK}
    TIKTOK_SECRET_KEY={secrets.token_urlsafe(32)}

  Press Ctrl-C to stop.
"""
