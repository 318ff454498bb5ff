"""Serve the demo and the emulator on real ports."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from asgi_tiktok.demo.data_folder import FOLDER, open_folder
from asgi_tiktok.demo.env_file import write_env_file
from asgi_tiktok.demo.exposure import exposure, needs_insecure_base_url, public_url_at
from asgi_tiktok.demo.ports import listen_on, on_port
from asgi_tiktok.demo.shells import current_shell, set_variables
from asgi_tiktok.demo.site import demo_site
from asgi_tiktok.emulator import (
    CAST,
    DEFAULT_APP,
    DEFAULT_CLIENT_KEY,
    DEFAULT_CLIENT_SECRET,
    App,
    ConfigError,
    Emulator,
    ProductionRefused,
    RunningEmulator,
    run_emulator,
)
from asgi_tiktok.emulator.server import serving
from asgi_tiktok.emulator.world.config import read_config
from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.http.site import DEFAULT_PATH
from asgi_tiktok.tiktok import TikTok

PORT = 8000
EMULATOR_PORT = 8700
CALLBACK = f"{DEFAULT_PATH}/callback"
WEBHOOK = f"{DEFAULT_PATH}/webhook"


class RunningServer(NamedTuple):
    """The address of a server, its notice for the terminal, and the emulator that it is or uses."""

    url: str
    notice: str
    emulator: RunningEmulator


@contextmanager
def run_demo(
    *, port: int | None = None, emulator_port: int | None = None, folder: Path = FOLDER
) -> Iterator[RunningServer]:
    """Serve the demo and its emulator on loopback. Without a port, use the default port or the next free one.

    Raises ConfigurationError if a port or the folder cannot be used.
    """
    with ExitStack() as stack:
        listeners = listen_on(port, PORT, "--port", stack)
        url = f"http://localhost:{listeners[0].getsockname()[1]}"
        app = replace(DEFAULT_APP, name="asgi-tiktok demo", webhook_url=url + WEBHOOK)
        emulator = start_emulator(app, emulator_port, "--emulator-port", stack)
        # After the ports, so that a port in use leaves no folder behind.
        secret_key, store = open_folder(folder)
        stack.callback(store._close)
        tiktok = TikTok(
            client_key=DEFAULT_CLIENT_KEY,
            client_secret=DEFAULT_CLIENT_SECRET,
            redirect_uri=url + CALLBACK,
            secret_key=secret_key,
            scopes=("user.info.basic", "user.info.profile", "user.info.stats"),
            optional_scopes=("video.list",),
            store=store,
            base_url=emulator.url,
        )
        stack.enter_context(serving(demo_site(tiktok, emulator.url), listeners))
        lines = {
            "Open": with_note(url, port, PORT),
            "Emulator": with_note(emulator.url, emulator_port, EMULATOR_PORT),
            "Sessions": f"kept in {folder}",
        }
        yield RunningServer(url, notice("demo", lines), emulator)


@contextmanager
def serve_emulator(
    *,
    port: int | None = None,
    config: Path | None = None,
    env_file: Path | None = None,
    host: str | None = None,
    public_url: str | None = None,
) -> Iterator[RunningServer]:
    """Serve the emulator alone, and write the variables for an app to `env_file`, or into the notice.

    Raises ConfigurationError if the port, an address or a file cannot be used.
    """
    with ExitStack() as stack:
        emulator = start_emulator(DEFAULT_APP, port, "--port", stack, config, host, public_url)
        url = emulator.url
        address = with_note(url, port, EMULATOR_PORT) if public_url is None else url
        lines = {"Address": address, "Inspector": f"{url}/_emulator/"}
        more = "\n\n".join(filter(None, (exposure(host, emulator.port), how_to_use(url, config, env_file))))
        yield RunningServer(url, notice("emulator", lines, more), emulator)


def start_emulator(
    app: App,
    port: int | None,
    option: str,
    stack: ExitStack,
    config: Path | None = None,
    host: str | None = None,
    public_url: str | None = None,
) -> RunningEmulator:
    """Serve an emulator with the app, and with the apps, people and knobs of the file, until the stack is closed.

    Raises ConfigurationError for a port, an address or a file that cannot be used, and in production.
    """

    def start(candidate: int) -> RunningEmulator:
        emulator = new_emulator(app, config, public_url_at(host, candidate, public_url))
        return stack.enter_context(run_emulator(emulator, host=host or "127.0.0.1", port=candidate))

    try:
        return on_port(port, EMULATOR_PORT, option, start)
    except (ConfigError, ProductionRefused) as error:
        raise ConfigurationError(str(error)) from None


def new_emulator(app: App, config: Path | None, public_url: str | None) -> Emulator:
    """Return an emulator with the app, and with the apps, people and knobs of the file."""
    if config is None:
        return Emulator([app], public_url=public_url)
    read = read_config(config)
    others = [other for other in read.apps if other.client_key != app.client_key]
    own = [other for other in read.apps if other.client_key == app.client_key]
    return Emulator([*(own or [app]), *others], read.people or CAST, public_url=public_url, **read.knobs)


def with_note(url: str, port: int | None, default: int) -> str:
    """Return the address, with a note if it does not have the default port."""
    if port is None and urlsplit(url).port != default:
        return f"{url} (port {default} is in use)"
    return url


def notice(command: str, lines: Mapping[str, str], more: str = "") -> str:
    """Return what a command prints when its servers are ready."""
    table = "\n".join(f"    {name:<10} {text}" for name, text in lines.items())
    paragraphs = (f"\n  asgi-tiktok {command}", table, more, "  Press Ctrl-C to stop.\n")
    return "\n\n".join(filter(None, paragraphs))


def how_to_use(url: str, config: Path | None, env_file: Path | None) -> str:
    """Return how an app signs in with the emulator, and write the file of variables if there is one."""
    apps = read_config(config).apps if config else ()
    variables = variables_for(url, apps[0] if apps else DEFAULT_APP)
    if env_file is not None:
        write_env_file(env_file, variables)
        return (
            f"  The variables for your app are in {env_file}. asgi-tiktok dev reads .env. Use the port of your app\n"
            "  in TIKTOK_REDIRECT_URI."
        )
    lines = "\n".join(f"    {line}" for line in set_variables(variables, current_shell()))
    return (
        "  Set these variables, and your app signs in with this emulator. Use the port of your app in the redirect "
        f"URI:\n\n{lines}"
    )


def variables_for(url: str, app: App) -> dict[str, str]:
    insecure = {"TIKTOK_INSECURE_BASE_URL": "1"} if needs_insecure_base_url(url) else {}
    return {
        "TIKTOK_BASE_URL": url,
        **insecure,
        "TIKTOK_CLIENT_KEY": app.client_key,
        "TIKTOK_CLIENT_SECRET": app.client_secret,
        "TIKTOK_REDIRECT_URI": app.redirect_uris[0].replace(":*", f":{PORT}"),
        "TIKTOK_SECRET_KEY": secrets.token_urlsafe(32),
    }
