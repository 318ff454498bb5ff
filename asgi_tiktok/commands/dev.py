"""asgi-tiktok dev: your app, reloaded when it changes, and a TikTok to sign in with."""

import argparse
import os
import sys
from pathlib import Path

from asgi_tiktok.commands.lifecycle import naming_extra, until_stopped
from asgi_tiktok.commands.parser import Commands, port_number

EPILOG = """\
TIKTOK_CLIENT_KEY, TIKTOK_CLIENT_SECRET, TIKTOK_REDIRECT_URI, TIKTOK_SECRET_KEY, TIKTOK_STORE and TIKTOK_BASE_URL are
set for the app, unless you have set them. The key that keeps sign-ins over restarts is in .asgi-tiktok/"""


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "dev",
        help="run your app with a TikTok to sign in with, and reload it when it changes",
        description="Your app under uvicorn, reloaded when a file changes, and a TikTok on this machine.",
        epilog=EPILOG,
    )
    parser.add_argument("app", metavar="APP", help="a module, a colon, and the ASGI app in it: main:app")
    parser.add_argument("--port", type=port_number, metavar="PORT", help="of the app (default: 8000, or the next)")
    parser.add_argument(
        "--emulator-port", type=port_number, metavar="PORT", help="of the emulator (default: 8700, or the next)"
    )
    parser.add_argument(
        "--real",
        action="store_true",
        help="sign in with the real TikTok, by the rules of its Desktop platform; needs your own TIKTOK_CLIENT_KEY "
        "and TIKTOK_CLIENT_SECRET",
    )
    parser.add_argument(
        "--traceback", action="store_true", help="show the whole of what the app raises when it is imported"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="people, apps and knobs of the emulator, in TOML")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve the app until Ctrl-C or SIGTERM."""
    with until_stopped(), naming_extra("emulator"):
        from asgi_tiktok.commands.dev_setup import with_emulator, with_tiktok
        from asgi_tiktok.commands.reloader import serve_reloading

        # As uvicorn does it: the app is in this folder, wherever the command itself lies.
        sys.path.insert(0, os.getcwd())
        started = (
            with_tiktok(arguments.app, port=arguments.port, whole=arguments.traceback)
            if arguments.real
            else with_emulator(
                arguments.app,
                port=arguments.port,
                emulator_port=arguments.emulator_port,
                config=arguments.config,
                whole=arguments.traceback,
            )
        )
        with started as development:
            os.environ.update(development.environ)
            print(development.notice, flush=True)
            serve_reloading(arguments.app, development.listeners)
    return 0
