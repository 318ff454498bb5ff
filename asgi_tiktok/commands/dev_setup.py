"""The ports, the emulator and the environment that `asgi-tiktok dev` prepares for the app."""

import os
import secrets
import socket
from argparse import Namespace
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlsplit

from asgi_tiktok.commands.checks.settings import check_settings, read_settings
from asgi_tiktok.commands.import_string import check_app, check_import_string
from asgi_tiktok.commands.portal import registration_steps
from asgi_tiktok.demo.data_folder import FOLDER, open_folder, open_key
from asgi_tiktok.demo.exposure import exposure
from asgi_tiktok.demo.ports import listen_on
from asgi_tiktok.demo.servers import CALLBACK, EMULATOR_PORT, PORT, WEBHOOK, notice, start_emulator, with_note
from asgi_tiktok.emulator import DEFAULT_APP, DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, App, RunningEmulator
from asgi_tiktok.environment import VARIABLES, split_addresses, split_list
from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.stores import DEFAULT_URL
from asgi_tiktok.tiktok import TikTok
from asgi_tiktok.validation import DESKTOP_HOSTS


class Setup(NamedTuple):
    """The environment, the sockets and the address of the app, the notice for the terminal, and the emulator."""

    environ: dict[str, str]
    listeners: list[socket.socket]
    url: str
    notice: str
    emulator: RunningEmulator | None = None


def with_emulator(arguments: Namespace, stack: ExitStack) -> Setup:
    """Start an emulator until the stack is closed, and prepare an app that signs in with it.

    Raises ConfigurationError for an app, a setting, a port or a folder that cannot work.
    """
    own = own_settings()
    port = port_in(own) if arguments.port is None else arguments.port
    check_before_start(arguments, emulator_settings(own, port or PORT))
    host = arguments.host
    listeners = listen_on(port, PORT, "--port", stack, host)
    app_port = listeners[0].getsockname()[1]
    url = f"http://localhost:{app_port}"
    app = emulated_app(emulator_settings(own, app_port), arguments.app, url + WEBHOOK)
    emulator = start_emulator(app, arguments.emulator_port, "--emulator-port", stack, arguments.config, host)
    # After the ports, so that a port in use leaves no folder behind.
    key = secret_key(own)
    environ = emulator_settings({"TIKTOK_SECRET_KEY": key, "TIKTOK_BASE_URL": emulator.url, **own}, app_port)
    lines = {
        "Open": with_note(url, port, PORT),
        "Sign in": f"{url}/auth/tiktok/login",
        "Emulator": with_note(emulator.url, arguments.emulator_port, EMULATOR_PORT),
        "Inspector": f"{emulator.url}/_emulator/",
        **common_lines(arguments, own),
    }
    reachable = exposure(host, app_port, emulator.port)
    found = [f"  ! {warning}" for warning in warnings(environ, app_port, emulator.url)]
    warned = "\n".join(filter(None, (reachable, *found)))
    return Setup(environ, listeners, url, notice("dev", lines, warned), emulator)


def with_tiktok(arguments: Namespace, stack: ExitStack) -> Setup:
    """Prepare an app that signs in with the real TikTok, by the rules of its Desktop platform.

    Raises ConfigurationError for an app, a setting, a port or a folder that cannot work.
    """
    own = own_settings()
    # Never the next free port, because the port is part of the registered redirect URI.
    port = arguments.port or port_in(own) or PORT
    environ = real_settings(own, port)
    check_before_start(arguments, {"TIKTOK_SECRET_KEY": secrets.token_urlsafe(32), **environ})
    listeners = listen_on(port, PORT, "--port", stack, arguments.host)
    environ = {"TIKTOK_SECRET_KEY": secret_key(own), **environ}
    client_key = environ["TIKTOK_CLIENT_KEY"]
    lines = {
        "Open": f"http://localhost:{port}",
        "Sign in": f"http://localhost:{port}/auth/tiktok/login",
        "TikTok": f"the real one, with client key {client_key}",
        "Register": registration_steps(local_address(environ, port) or "", client_key),
        **common_lines(arguments, own),
    }
    warned = exposure(arguments.host, port, real=True)
    return Setup(environ, listeners, f"http://localhost:{port}", notice("dev --real", lines, warned))


def own_settings() -> dict[str, str]:
    """Return the TIKTOK_* variables that the developer has set. They are not changed."""
    return {name: value for name in VARIABLES if (value := os.environ.get(name, "").strip())}


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
    environ = {"TIKTOK_STORE": DEFAULT_URL, "TIKTOK_REDIRECT_URI": f"http://localhost:{port}{CALLBACK}", **own}
    if not (local_address(environ, port) or "").startswith("http:"):
        raise ConfigurationError(
            f"TIKTOK_REDIRECT_URI={environ['TIKTOK_REDIRECT_URI']!r} is not an address at http://localhost:{port}, "
            "where --real serves the app; unset or correct it."
        )
    return environ


def port_in(own: Mapping[str, str]) -> int | None:
    """Return the port of the developer's redirect URI on this machine, or None if there is none."""
    address = local_address(own)
    return urlsplit(address).port if address else None


def local_address(environ: Mapping[str, str], port: int | None = None) -> str | None:
    """Return the first redirect URI on this machine, with this port if one is given."""
    for address in split_addresses(environ.get("TIKTOK_REDIRECT_URI", "")):
        with suppress(ValueError):  # reported when the settings are checked
            parts = urlsplit(address)
            if parts.hostname in DESKTOP_HOSTS and (parts.port if port is None else parts.port == port):
                return address
    return None


def check_before_start(arguments: Namespace, environ: dict[str, str]) -> None:
    """Raise ConfigurationError if the settings or the app cannot work, before anything is started."""
    check_import_string(arguments.app)
    for finding in check_settings(read_settings(environ)):
        # A redirect URI on another machine is the developer's choice here. The notice warns about it.
        if finding.status == "error" and finding.name != "TikTok":
            raise ConfigurationError(f"{finding.found}.", hint=finding.fix)
    TikTok.from_env(environ)
    check_app(arguments.app, {**os.environ, **environ}, traceback=arguments.traceback, factory=arguments.factory)


def secret_key(own: Mapping[str, str]) -> str:
    if "TIKTOK_SECRET_KEY" in own:
        return own["TIKTOK_SECRET_KEY"]
    if "TIKTOK_STORE" in own:
        return open_key(FOLDER, "dev.key")
    key, store = open_folder(FOLDER, "dev.key")
    store._close()
    return key


def emulated_app(environ: Mapping[str, str], name: str, webhook_url: str) -> App:
    """Return the developer's app as the emulator's portal knows it, so that nothing has to be registered."""
    scopes = (*DEFAULT_APP.scopes, *split_list(environ.get("TIKTOK_SCOPES", "")))
    try:
        return replace(
            DEFAULT_APP,
            client_key=environ["TIKTOK_CLIENT_KEY"],
            client_secret=environ["TIKTOK_CLIENT_SECRET"],
            redirect_uris=(*DEFAULT_APP.redirect_uris, *split_addresses(environ["TIKTOK_REDIRECT_URI"])),
            scopes=tuple(dict.fromkeys(scopes)),
            name=name,
            webhook_url=webhook_url,
        )
    except ValueError as error:
        raise ConfigurationError(
            f"TIKTOK_REDIRECT_URI cannot be registered with the emulator: {error}", hint="Unset it for the emulator."
        ) from None


def common_lines(arguments: Namespace, own: Mapping[str, str]) -> dict[str, str]:
    kept = {"Settings": f"unchanged: {', '.join(own)}"} if own else {}
    store = "your TIKTOK_STORE" if "TIKTOK_STORE" in own else FOLDER
    return {"App": f"{arguments.app}, reloaded when a file changes", "Sessions": f"kept in {store}", **kept}


def warnings(environ: Mapping[str, str], port: int, emulator_url: str) -> list[str]:
    """Return a warning for each setting of the developer that leads away from this app or this emulator."""
    found = []
    redirect_uri, base_url = environ["TIKTOK_REDIRECT_URI"], environ["TIKTOK_BASE_URL"]
    parts = urlsplit(local_address(environ, port) or "")
    if not parts.hostname:
        found.append(f"Logins return to your TIKTOK_REDIRECT_URI, {redirect_uri}, which is not this server.")
    elif parts.hostname != "localhost":
        found.append(f"Open the app as http://{parts.netloc}, the address in your TIKTOK_REDIRECT_URI.")
    if base_url.rstrip("/") != emulator_url:
        found.append(f"Logins go to your TIKTOK_BASE_URL, {base_url}, not to this emulator.")
    return found
