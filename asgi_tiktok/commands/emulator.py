"""asgi-tiktok emulator: run an emulated TikTok that your own app can sign in with."""

import argparse
from pathlib import Path

from asgi_tiktok.commands.lifecycle import sleep_forever, until_stopped
from asgi_tiktok.commands.output import write
from asgi_tiktok.commands.parser import Commands, add_config, add_host, add_port


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "emulator",
        help="run an emulated TikTok that your own app can sign in with",
        description="Serves TikTok's sign-in pages and API on this machine, for your own app.",
    )
    add_port(parser, "--port", "emulator", 8700)
    parser.add_argument(
        "--env-file",
        type=Path,
        metavar="FILE",
        help="write the variables for your app to this file",
    )
    add_host(parser, "the emulator listens")
    parser.add_argument(
        "--public-url",
        metavar="URL",
        help="address of the emulator for browsers and apps (default with --host: http://tiktok.localhost:PORT)",
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    with until_stopped("emulator"):
        from asgi_tiktok.demo import serve_emulator

        with serve_emulator(
            port=arguments.port,
            config=arguments.config,
            env_file=arguments.env_file,
            host=arguments.host,
            public_url=arguments.public_url,
        ) as running:
            write(running.notice)
            sleep_forever()
    return 0
