"""The ports, the emulator and the environment that `asgi-tiktok dev` prepares for the app."""

import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from asgi_tiktok.commands.checks.settings import check_settings, read_settings
from asgi_tiktok.commands.import_string import check_app, check_import_string
from asgi_tiktok.commands.portal import registration_steps
from asgi_tiktok.demo.data_folder import FOLDER, open_folder
from asgi_tiktok.demo.emulator_setup import new_emulator
from asgi_tiktok.demo.ports import listen_on
from asgi_tiktok.demo.servers import CALLBACK, EMULATOR_PORT, PORT, WEBHOOK, run_emulator_on, with_note
from asgi_tiktok.emulator import DEFAULT_APP, DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, App
from asgi_tiktok.environment import OPTIONAL, REQUIRED, split_list
from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.stores import DEFAULT_URL
from asgi_tiktok.tiktok import TikTok
from asgi_tiktok.validation import DESKTOP_HOSTS

KEY_FILE = "dev.key"
VARIABLES = (*(variable for variable, _ in REQUIRED.values()), *OPTIONAL.values())
POSTING_SCOPES = ("video.upload", "video.publish")


@dataclass(frozen=True, slots=True)
class DevSetup:
    """The sockets and the environment for the app, and the notice for the terminal."""

    listeners: list[socket.socket]
    environ: dict[str, str]
    notice: str


@contextmanager
def with_emulator(
    target: str,
    *,
    port: int | None,
    emulator_port: int | None,
    config: Path | None = None,
    traceback: bool = False,
) -> Iterator[DevSetup]:
    """Start an emulator, and prepare an app that signs in with it.

    Raises ConfigurationError for an app, a setting, a port or a folder that cannot work.
    """
    own = own_settings(os.environ)
    port = port_in(own) if port is None else port
    check_before_start(target, emulator_settings(own, port or PORT), traceback=traceback)
    with ExitStack() as stack:
        key = secret_key(own)
        listeners = listen_on(port, PORT, "--port", stack)
        app_port = listeners[0].getsockname()[1]
        app = emulated_app(emulator_settings(own, app_port), target)
        emulator = new_emulator(app, webhook_url=f"http://localhost:{app_port}{WEBHOOK}", config=config)
        running = run_emulator_on(emulator_port, "--emulator-port", emulator, stack)
        environ = emulator_settings({"TIKTOK_SECRET_KEY": key, "TIKTOK_BASE_URL": running.url, **own}, app_port)
        lines = {
            "Open": with_note(f"http://localhost:{app_port}", port, PORT),
            "Sign in": f"http://localhost:{app_port}/auth/tiktok/login",
            "Emulator": with_note(running.url, emulator_port, EMULATOR_PORT),
            "Inspector": f"{running.url}/_emulator/",
            **common_lines(target, own),
        }
        yield DevSetup(listeners, environ, notice("", lines, warnings(environ, app_port, running.url)))


@contextmanager
def with_tiktok(target: str, *, port: int | None, traceback: bool = False) -> Iterator[DevSetup]:
    """Prepare an app that signs in with the real TikTok, by the rules of its Desktop platform.

    Raises ConfigurationError for an app, a setting, a port or a folder that cannot work.
    """
    own = own_settings(os.environ)
    # Never the next free port, because the port is part of the registered redirect URI.
    port = port or port_in(own) or PORT
    environ = real_settings(own, port)
    check_before_start(target, {"TIKTOK_SECRET_KEY": secrets.token_urlsafe(32), **environ}, traceback=traceback)
    with ExitStack() as stack:
        environ = {"TIKTOK_SECRET_KEY": secret_key(own), **environ}
        listeners = listen_on(port, PORT, "--port", stack)
        sandbox = environ["TIKTOK_CLIENT_KEY"].startswith("sb")
        lines = {
            "Open": f"http://localhost:{port}",
            "Sign in": f"http://localhost:{port}/auth/tiktok/login",
            "TikTok": f"the real one, with client key {environ['TIKTOK_CLIENT_KEY']}",
            "Register": registration_steps(environ["TIKTOK_REDIRECT_URI"], sandbox=sandbox),
            **common_lines(target, own),
        }
        yield DevSetup(listeners, environ, notice(" --real", lines, []))


def own_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the TIKTOK_* variables that the developer has set. They are not changed."""
    return {name: environ[name].strip() for name in VARIABLES if environ.get(name, "").strip()}


def emulator_settings(own: Mapping[str, str], port: int) -> dict[str, str]:
    """Return the environment of an app that signs in with the emulator. The developer's settings come first."""
    return {
        "TIKTOK_CLIENT_KEY": DEFAULT_CLIENT_KEY,
        "TIKTOK_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
        "TIKTOK_REDIRECT_URI": f"http://localhost:{port}{CALLBACK}",
        "TIKTOK_SECRET_KEY": secrets.token_urlsafe(32),
        "TIKTOK_STORE": DEFAULT_URL,
        "TIKTOK_BASE_URL": f"http://127.0.0.1:{EMULATOR_PORT}",
        **own,
    }


def real_settings(own: Mapping[str, str], port: int) -> dict[str, str]:
    """Return the environment of an app that signs in with TikTok from localhost, without the secret key."""
    for variable in ("TIKTOK_CLIENT_KEY", "TIKTOK_CLIENT_SECRET"):
        if variable not in own:
            raise ConfigurationError(
                f"--real needs {variable}: copy it from Credentials in the TikTok developer portal."
            )
    if own["TIKTOK_CLIENT_KEY"] == DEFAULT_CLIENT_KEY:
        raise ConfigurationError(
            "TIKTOK_CLIENT_KEY is the emulator's key, which TikTok does not know; set the key of your own app."
        )
    if base_url := own.get("TIKTOK_BASE_URL"):
        raise ConfigurationError(f"TIKTOK_BASE_URL={base_url!r} is not the real TikTok; unset it for --real.")
    redirect_uri = own.get("TIKTOK_REDIRECT_URI", f"http://localhost:{port}{CALLBACK}")
    parts = urlsplit(redirect_uri)
    if parts.scheme != "http" or parts.hostname not in DESKTOP_HOSTS or port_in(own) not in (None, port):
        raise ConfigurationError(
            f"TIKTOK_REDIRECT_URI={redirect_uri!r} is not an address at http://localhost:{port}, where --real "
            "serves the app; unset or correct it."
        )
    return {"TIKTOK_STORE": DEFAULT_URL, **own, "TIKTOK_REDIRECT_URI": redirect_uri}


def port_in(own: Mapping[str, str]) -> int | None:
    """Return the port of the developer's redirect URI, or None if it leads to another machine."""
    try:
        parts = urlsplit(own.get("TIKTOK_REDIRECT_URI", ""))
        return parts.port if parts.hostname in DESKTOP_HOSTS else None
    except ValueError:
        return None


def check_before_start(target: str, environ: dict[str, str], *, traceback: bool) -> None:
    """Raise ConfigurationError if the settings or the app cannot work, before anything is started."""
    check_import_string(target)
    for finding in check_settings(read_settings(environ)):
        # A redirect URI on another machine is the developer's choice here. The notice warns about it.
        if finding.status == "error" and finding.name != "TikTok":
            raise ConfigurationError(f"{finding.found}.", hint=finding.cure)
    TikTok.from_env(environ)
    check_app(target, {**os.environ, **environ}, traceback=traceback)


def secret_key(own: Mapping[str, str]) -> str:
    if "TIKTOK_SECRET_KEY" in own:
        return own["TIKTOK_SECRET_KEY"]
    key, store = open_folder(FOLDER, KEY_FILE)
    store._close()
    return key


def emulated_app(environ: Mapping[str, str], name: str) -> App:
    """Return the developer's app as the emulator's portal knows it, so that nothing has to be registered."""
    scopes = (*DEFAULT_APP.scopes, *POSTING_SCOPES, *split_list(environ.get("TIKTOK_SCOPES", "")))
    any_port = (f"http://localhost:*{CALLBACK}", f"http://127.0.0.1:*{CALLBACK}")
    try:
        return App(
            environ["TIKTOK_CLIENT_KEY"],
            environ["TIKTOK_CLIENT_SECRET"],
            redirect_uris=(*any_port, environ["TIKTOK_REDIRECT_URI"]),
            scopes=tuple(dict.fromkeys(scopes)),
            name=name,
        )
    except ValueError as error:
        raise ConfigurationError(
            f"TIKTOK_REDIRECT_URI cannot be registered with the emulator: {error}", hint="Unset it for the emulator."
        ) from None


def common_lines(target: str, own: Mapping[str, str]) -> dict[str, str]:
    kept = {"Settings": f"unchanged: {', '.join(own)}"} if own else {}
    return {"App": f"{target}, reloaded when a file changes", "Sessions": f"kept in {FOLDER}", **kept}


def warnings(environ: Mapping[str, str], port: int, emulator_url: str) -> list[str]:
    """Return a warning for each setting of the developer that leads away from this app or this emulator."""
    found = []
    redirect_uri, base_url = environ["TIKTOK_REDIRECT_URI"], environ["TIKTOK_BASE_URL"]
    parts = urlsplit(redirect_uri)
    if parts.hostname not in DESKTOP_HOSTS or parts.port != port:
        found.append(f"Logins return to your TIKTOK_REDIRECT_URI, {redirect_uri}, which is not this server.")
    elif parts.hostname != "localhost":
        found.append(f"Open the app as http://{parts.netloc}, the address in your TIKTOK_REDIRECT_URI.")
    if base_url.rstrip("/") != emulator_url:
        found.append(f"Logins go to your TIKTOK_BASE_URL, {base_url}, not to this emulator.")
    return found


def notice(option: str, lines: Mapping[str, str], warnings: list[str]) -> str:
    table = [f"    {name:<11} {text}" for name, text in lines.items()]
    warned = ["", *(f"  ! {warning}" for warning in warnings)] if warnings else []
    return "\n".join(["", f"  asgi-tiktok dev{option}", "", *table, *warned, "", "  Press Ctrl-C to stop.", ""])
