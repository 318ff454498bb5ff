"""asgi-tiktok dev: run your app, reload it when it changes, and sign in with an emulated TikTok."""

import argparse
import os
import sys
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from asgi_tiktok.commands.lifecycle import until_stopped
from asgi_tiktok.commands.output import write
from asgi_tiktok.commands.parser import Commands, add_config, add_host, add_port
from asgi_tiktok.errors import ConfigurationError

if TYPE_CHECKING:
    from asgi_tiktok.commands.dev_setup import Setup

EPILOG = """\
TIKTOK_CLIENT_KEY, TIKTOK_CLIENT_SECRET, TIKTOK_REDIRECT_URI, TIKTOK_SECRET_KEY, TIKTOK_STORE and TIKTOK_BASE_URL are
set for the app, unless you have set them in the environment or in the file .env. The key in .asgi-tiktok/ keeps
users signed in when the app restarts."""


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "dev",
        help="run your app with an emulated TikTok, and reload it when it changes",
        description="Serves your app with uvicorn, reloads it when a file changes, and serves an emulated TikTok.",
        epilog=EPILOG,
    )
    parser.add_argument("app", metavar="APP", help="the module, a colon, and the name of the ASGI app: main:app")
    add_port(parser, "--port", "app", 8000)
    add_port(parser, "--emulator-port", "emulator", 8700)
    parser.add_argument("--factory", action="store_true", help="APP is a function that returns the app")
    add_host(parser, "the app and the emulator listen")
    parser.add_argument(
        "--real",
        action="store_true",
        help="sign in with the real TikTok, by the rules of its Desktop platform; needs your own TIKTOK_CLIENT_KEY "
        "and TIKTOK_CLIENT_SECRET",
    )
    parser.add_argument(
        "--traceback", action="store_true", help="show the traceback if the app raises while it is imported"
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    with until_stopped("emulator"), ExitStack() as stack:
        from asgi_tiktok.commands.dev_setup import with_emulator, with_tiktok
        from asgi_tiktok.commands.dev_state import note_of_dev
        from asgi_tiktok.commands.reloader import serve_reloading
        from asgi_tiktok.demo.env_file import read_env_file

        # As uvicorn does. The app is in the current folder, and the command may be installed elsewhere.
        sys.path.insert(0, os.getcwd())
        for name, value in read_env_file().items():
            os.environ.setdefault(name, value)
        prepare = with_tiktok if arguments.real else with_emulator
        prepared = prepare(arguments, stack)
        os.environ.update(prepared.environ)
        write(prepared.notice)
        stack.enter_context(note_of_dev(arguments.app, prepared.url))
        threading.Thread(target=report_login, args=(prepared,), name="login-check", daemon=True).start()
        serve_reloading(arguments.app, prepared.listeners, factory=arguments.factory)
    return 0


def report_login(prepared: "Setup") -> None:
    """Print what is wrong with the login of the app, which the first request finds out."""
    from asgi_tiktok.commands.login_check import check_login

    if problem := check_login(prepared.url, prepared.emulator):
        with suppress(BrokenPipeError, ConfigurationError):  # the output may have ended after the notice
            write(f"  ! {problem}\n")
