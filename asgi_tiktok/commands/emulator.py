"""asgi-tiktok emulator: a TikTok for your own app to sign in with."""

import argparse
from pathlib import Path

from asgi_tiktok.commands.lifecycle import naming_extra, sleep_forever, until_stopped
from asgi_tiktok.commands.parser import Commands, port_number


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "emulator",
        help="run a TikTok for your own app to sign in with",
        description="TikTok's sign-in pages and API on this machine, for your own app to sign in with.",
    )
    parser.add_argument("--port", type=port_number, metavar="PORT", help="(default: 8700, or the next)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="people, apps and knobs of the emulator, in TOML")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve the emulator until Ctrl-C or SIGTERM."""
    with until_stopped(), naming_extra("emulator"):
        from asgi_tiktok.demo import serve_emulator

        with serve_emulator(port=arguments.port, config=arguments.config) as running:
            print(running.notice, flush=True)
            sleep_forever()
    return 0
