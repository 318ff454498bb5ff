"""asgi-tiktok demo: sign in now, without a TikTok app."""

import argparse

from asgi_tiktok.commands.lifecycle import sleep_forever, until_stopped
from asgi_tiktok.commands.output import write
from asgi_tiktok.commands.parser import Commands, add_port


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "demo",
        help="sign in with TikTok now, without a TikTok app",
        description="Serves a small site and an emulated TikTok that it signs in with. Sessions are kept in "
        ".asgi-tiktok/.",
    )
    add_port(parser, "--port", "site", 8000)
    add_port(parser, "--emulator-port", "emulator", 8700)
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="do not open a browser")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    with until_stopped("demo"):
        from asgi_tiktok.demo import open_browser, run_demo

        with run_demo(port=arguments.port, emulator_port=arguments.emulator_port) as running:
            write(running.notice)
            if arguments.browser:
                open_browser(running.url)
            sleep_forever()
    return 0
