"""The command asgi-tiktok."""

import argparse
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn

from asgi_tiktok import __version__
from asgi_tiktok.errors import ConfigurationError

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 2, with one sentence on stderr, when it cannot start."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    if arguments.run is None:
        parser.print_help()
        return 0

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    run: Command = arguments.run
    try:
        return run(arguments)
    except ConfigurationError as error:
        print(f"asgi-tiktok: {error}", file=sys.stderr)
        return 2


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that answers mistakes with one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. See: {self.prog} --help\n")


def make_parser() -> Parser:
    parser = Parser(prog="asgi-tiktok", description='"Continue with TikTok" for every ASGI app.')
    parser.add_argument("--version", action="version", version=f"asgi-tiktok {__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_demo(commands)
    add_emulator(commands)
    return parser


def add_demo(commands: "argparse._SubParsersAction[Parser]") -> None:
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
    parser.set_defaults(run=demo)


def add_emulator(commands: "argparse._SubParsersAction[Parser]") -> None:
    parser = commands.add_parser(
        "emulator",
        help="run a TikTok for your own app to sign in with",
        description="TikTok's sign-in pages and API on this machine, for your own app to sign in with.",
    )
    parser.add_argument("--port", type=port_number, metavar="PORT", help="(default: 8700, or the next)")
    parser.set_defaults(run=emulator)


def port_number(text: str) -> int:
    port = int(text) if text.isascii() and text.isdecimal() else -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number up to 65535, 0 for any free one")
    return port


def demo(arguments: argparse.Namespace) -> int:
    """Serve the demo until Ctrl-C or SIGTERM."""
    with until_stopped(), naming_extra("demo"):
        from asgi_tiktok.demo import open_browser, run_demo

        with run_demo(port=arguments.port, emulator_port=arguments.emulator_port) as running:
            print(running.notice, flush=True)
            if arguments.browser:
                open_browser(running.url)
            sleep_forever()
    return 0


def emulator(arguments: argparse.Namespace) -> int:
    """Serve the emulator until Ctrl-C or SIGTERM."""
    with until_stopped(), naming_extra("emulator"):
        from asgi_tiktok.demo import serve_emulator

        with serve_emulator(port=arguments.port) as running:
            print(running.notice, flush=True)
            sleep_forever()
    return 0


@contextmanager
def until_stopped() -> Iterator[None]:
    """End the block quietly on Ctrl-C, and on SIGTERM as if it were that; a second one changes nothing."""
    signals = (signal.SIGINT, signal.SIGTERM)

    def stop(number: int, frame: object) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in signals}
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def naming_extra(extra: str) -> Iterator[None]:
    """Say what to install when a package of the extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "uvicorn"):
            raise
        raise ConfigurationError(
            f"{error.name} is not installed, which this command needs: pip install 'asgi-tiktok[{extra}]'"
        ) from None


def sleep_forever() -> None:
    # Unlike a wait without an end, a sleep can be interrupted on every platform.
    while True:
        time.sleep(3600)
