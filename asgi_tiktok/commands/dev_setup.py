"""What `asgi-tiktok dev` starts around the app, and what it tells the app and the person."""

import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from asgi_tiktok.commands.checks.settings import check_settings, read_settings
from asgi_tiktok.commands.import_string import check_spelling, check_target
from asgi_tiktok.commands.portal import registration_steps
from asgi_tiktok.demo.data_folder import FOLDER, open_folder
from asgi_tiktok.demo.emulator_setup import new_emulator
from asgi_tiktok.demo.ports import listen, on_port
from asgi_tiktok.demo.servers import CALLBACK, EMULATOR_PORT, PORT, WEBHOOK, run_emulator_on, with_detour
from asgi_tiktok.emulator import DEFAULT_APP, DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, App
from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.stores import DEFAULT_URL
from asgi_tiktok.tiktok import OPTIONAL, REQUIRED, TikTok, split_list
from asgi_tiktok.validation import DESKTOP_HOSTS

KEY = "dev.key"
VARIABLES = (*(variable for variable, _ in REQUIRED.values()), *OPTIONAL.values())
POSTING_SCOPES = ("video.upload", "video.publish")


@dataclass(frozen=True, slots=True)
class Development:
    """What the app is to be served with."""

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
    whole: bool = False,
    folder: Path = FOLDER,
) -> Iterator[Development]:
    """An emulator, and everything for an app that signs in with it.

    Raises ConfigurationError for an app, a setting, a port or a folder that cannot work.
    """
    own = own_settings(os.environ)
    port = port_in(own) if port is None else port
    rehearse(target, settings(own, port or PORT), whole=whole)
    with ExitStack() as stack:
        key = secret_key(own, folder)
        listeners = open_port(port, stack)
        address = listeners[0].getsockname()[1]
        app = emulated_app(settings(own, address), target)
        told = new_emulator(app, webhook_url=f"http://localhost:{address}{WEBHOOK}", config=config)
        emulator = run_emulator_on(emulator_port, "--emulator-port", told, stack)
        environ = settings({"TIKTOK_SECRET_KEY": key, "TIKTOK_BASE_URL": emulator.url, **own}, address)
        lines = {
            "Open": with_detour(f"http://localhost:{address}", port, PORT),
            "Sign in": f"http://localhost:{address}/auth/tiktok/login",
            "Emulator": with_detour(emulator.url, emulator_port, EMULATOR_PORT),
            "Inspector": f"{emulator.url}/_emulator/",
            **common_lines(target, own, folder),
        }
        yield Development(listeners, environ, describe("", lines, cautions(environ, address, emulator.url)))


@contextmanager
def with_tiktok(
    target: str, *, port: int | None, whole: bool = False, folder: Path = FOLDER
) -> Iterator[Development]:
    """Everything for an app that signs in with the real TikTok, by the rules of its Desktop platform.

    Raises ConfigurationError for an app, a setting, a port or a folder that cannot work.
    """
    own = own_settings(os.environ)
    # Another port than the one that is registered would be of no use.
    port = port or port_in(own) or PORT
    environ = real_settings(own, port)
    rehearse(target, {"TIKTOK_SECRET_KEY": secrets.token_urlsafe(32), **environ}, whole=whole)
    with ExitStack() as stack:
        environ = {"TIKTOK_SECRET_KEY": secret_key(own, folder), **environ}
        listeners = open_port(port, stack)
        redirect_uri = environ["TIKTOK_REDIRECT_URI"]
        sandbox = environ["TIKTOK_CLIENT_KEY"].startswith("sb")
        lines = {
            "Open": f"http://localhost:{port}",
            "Sign in": f"http://localhost:{port}/auth/tiktok/login",
            "TikTok": "the real one, as " + environ["TIKTOK_CLIENT_KEY"],
            "Register": registration_steps(redirect_uri, sandbox=sandbox),
            **common_lines(target, own, folder),
        }
        yield Development(listeners, environ, describe(" --real", lines, []))


def own_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """What the person has set already, and keeps."""
    return {name: environ[name].strip() for name in VARIABLES if environ.get(name, "").strip()}


def settings(own: Mapping[str, str], port: int) -> dict[str, str]:
    """The environment of an app that signs in with the emulator; the person's own settings go first."""
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
    """The environment of an app that signs in with TikTok from localhost, but for the secret key."""
    for variable in ("TIKTOK_CLIENT_KEY", "TIKTOK_CLIENT_SECRET"):
        if variable not in own:
            raise ConfigurationError(
                f"--real needs {variable}: copy it from Credentials in the TikTok developer portal."
            )
    if own["TIKTOK_CLIENT_KEY"] == DEFAULT_CLIENT_KEY:
        raise ConfigurationError("TIKTOK_CLIENT_KEY is the emulator's, which TikTok does not know; give your own.")
    if base_url := own.get("TIKTOK_BASE_URL"):
        raise ConfigurationError(f"TIKTOK_BASE_URL={base_url!r} is not the real TikTok; unset it for --real.")
    redirect_uri = own.get("TIKTOK_REDIRECT_URI", f"http://localhost:{port}{CALLBACK}")
    parts = urlsplit(redirect_uri)
    if parts.scheme != "http" or parts.hostname not in DESKTOP_HOSTS or port_in(own) not in (None, port):
        raise ConfigurationError(
            f"TIKTOK_REDIRECT_URI={redirect_uri!r} does not lead to http://localhost:{port}, where --real serves; "
            "unset it, or make it fit."
        )
    return {"TIKTOK_STORE": DEFAULT_URL, **own, "TIKTOK_REDIRECT_URI": redirect_uri}


def port_in(own: Mapping[str, str]) -> int | None:
    """The port that the person's own redirect URI leads to on this machine."""
    try:
        parts = urlsplit(own.get("TIKTOK_REDIRECT_URI", ""))
        return parts.port if parts.hostname in DESKTOP_HOSTS else None
    except ValueError:
        return None


def rehearse(target: str, environ: dict[str, str], *, whole: bool) -> None:
    """Raise ConfigurationError when the settings or the app cannot work, before anything is started."""
    check_spelling(target)
    for finding in check_settings(read_settings(environ)):
        # Where logins lead is the person's choice here, and only pointed out.
        if finding.status == "error" and finding.name != "TikTok":
            raise ConfigurationError(f"{finding.found}. {finding.cure}")
    TikTok.from_env(environ)
    check_target(target, {**os.environ, **environ}, whole=whole)


def secret_key(own: Mapping[str, str], folder: Path) -> str:
    if "TIKTOK_SECRET_KEY" in own:
        return own["TIKTOK_SECRET_KEY"]
    key, store = open_folder(folder, KEY)
    store.close()
    return key


def open_port(port: int | None, stack: ExitStack) -> list[socket.socket]:
    listeners = on_port(port, PORT, "--port", listen)
    for listener in listeners:
        stack.enter_context(listener)
    return listeners


def emulated_app(environ: Mapping[str, str], name: str) -> App:
    """The person's app as the emulator's portal knows it: nothing is left to register."""
    scopes = (*DEFAULT_APP.scopes, *POSTING_SCOPES, *split_list(environ.get("TIKTOK_SCOPES", "")))
    anywhere = (f"http://localhost:*{CALLBACK}", f"http://127.0.0.1:*{CALLBACK}")
    try:
        return App(
            environ["TIKTOK_CLIENT_KEY"],
            environ["TIKTOK_CLIENT_SECRET"],
            redirect_uris=(*anywhere, environ["TIKTOK_REDIRECT_URI"]),
            scopes=tuple(dict.fromkeys(scopes)),
            name=name,
        )
    except ValueError as error:
        raise ConfigurationError(f"TIKTOK_REDIRECT_URI: {error}") from None


def common_lines(target: str, own: Mapping[str, str], folder: Path) -> dict[str, str]:
    kept = {"Kept": f"as you set them: {', '.join(own)}"} if own else {}
    return {"App": f"{target}, started anew when a file changes", "Sign-ins": f"are kept in {folder}", **kept}


def cautions(environ: Mapping[str, str], port: int, emulator_url: str) -> list[str]:
    """What the person has set, and probably did not want here."""
    found = []
    redirect_uri, base_url = environ["TIKTOK_REDIRECT_URI"], environ["TIKTOK_BASE_URL"]
    parts = urlsplit(redirect_uri)
    if parts.hostname not in DESKTOP_HOSTS or parts.port != port:
        found.append(f"Logins return to your TIKTOK_REDIRECT_URI, {redirect_uri}, which is not this server.")
    elif parts.hostname != "localhost":
        found.append(f"Open the app as http://{parts.netloc}, as your TIKTOK_REDIRECT_URI has it.")
    if base_url.rstrip("/") != emulator_url:
        found.append(f"Logins go to your TIKTOK_BASE_URL, {base_url}, and not to this emulator.")
    return found


def describe(option: str, lines: Mapping[str, str], cautions: list[str]) -> str:
    table = [f"    {name:<11} {text}" for name, text in lines.items()]
    warned = ["", *(f"  ! {caution}" for caution in cautions)] if cautions else []
    return "\n".join(["", f"  asgi-tiktok dev{option}", "", *table, *warned, "", "  Ctrl-C ends it.", ""])
