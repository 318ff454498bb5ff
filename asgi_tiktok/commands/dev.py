"""asgi-tiktok dev: run your app, reload it when it changes, and sign in with an emulated TikTok."""

import argparse
import os
import sys

from asgi_tiktok.commands.lifecycle import require_extra, until_stopped
from asgi_tiktok.commands.parser import Commands, add_config, add_emulator_port, port_number

EPILOG = """\
TIKTOK_CLIENT_KEY, TIKTOK_CLIENT_SECRET, TIKTOK_REDIRECT_URI, TIKTOK_SECRET_KEY, TIKTOK_STORE and TIKTOK_BASE_URL are
set for the app, unless you have set them. The key in .asgi-tiktok/ keeps users signed in when the app restarts."""


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "dev",
        help="run your app with an emulated TikTok, and reload it when it changes",
        description="Serves your app with uvicorn, reloads it when a file changes, and serves an emulated TikTok.",
        epilog=EPILOG,
    )
    parser.add_argument("app", metavar="APP", help="the module, a colon, and the name of the ASGI app: main:app")
    parser.add_argument(
        "--port", type=port_number, metavar="PORT", help="port of the app (default: 8000 or the next free one)"
    )
    add_emulator_port(parser)
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
    """Serve the app until Ctrl-C or SIGTERM."""
    with until_stopped(), require_extra("emulator"):
        from asgi_tiktok.commands.dev_setup import with_emulator, with_tiktok
        from asgi_tiktok.commands.reloader import serve_reloading

        # As uvicorn does. The app is in the current folder, and the command may be installed elsewhere.
        sys.path.insert(0, os.getcwd())
        setup = (
            with_tiktok(arguments.app, port=arguments.port, traceback=arguments.traceback)
            if arguments.real
            else with_emulator(
                arguments.app,
                port=arguments.port,
                emulator_port=arguments.emulator_port,
                config=arguments.config,
                traceback=arguments.traceback,
            )
        )
        with setup as prepared:
            os.environ.update(prepared.environ)
            print(prepared.notice, flush=True)
            serve_reloading(arguments.app, prepared.listeners)
    return 0
