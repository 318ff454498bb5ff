"""asgi-tiktok demo: sign in with TikTok now, without a TikTok app."""

import argparse

from asgi_tiktok.commands.lifecycle import naming_extra, sleep_forever, until_stopped
from asgi_tiktok.commands.parser import Commands, port_number


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "demo",
        help="sign in with TikTok now, without a TikTok app",
        description="A small site, and a TikTok on this machine to sign in with. Sign-ins are kept in .asgi-tiktok/",
    )
    parser.add_argument("--port", type=port_number, metavar="PORT", help="of the site (default: 8000, or the next)")
    parser.add_argument(
        "--emulator-port", type=port_number, metavar="PORT", help="of the emulator (default: 8700, or the next)"
    )
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="leave the browser alone")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve the demo until Ctrl-C or SIGTERM."""
    with until_stopped(), naming_extra("demo"):
        from asgi_tiktok.demo import open_browser, run_demo

        with run_demo(port=arguments.port, emulator_port=arguments.emulator_port) as running:
            print(running.notice, flush=True)
            if arguments.browser:
                open_browser(running.url)
            sleep_forever()
    return 0
