"""asgi-tiktok emulator: run an emulated TikTok that your own app can sign in with."""

import argparse

from asgi_tiktok.commands.lifecycle import require_extra, sleep_forever, until_stopped
from asgi_tiktok.commands.parser import Commands, add_config, port_number


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "emulator",
        help="run an emulated TikTok that your own app can sign in with",
        description="Serves TikTok's sign-in pages and API on this machine, for your own app.",
    )
    parser.add_argument("--port", type=port_number, metavar="PORT", help="(default: 8700 or the next free one)")
    add_config(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve the emulator until Ctrl-C or SIGTERM."""
    with until_stopped(), require_extra("emulator"):
        from asgi_tiktok.demo import serve_emulator

        with serve_emulator(port=arguments.port, config=arguments.config) as running:
            print(running.notice, flush=True)
            sleep_forever()
    return 0
