"""The command asgi-tiktok."""

import logging
import sys
from collections.abc import Sequence

from asgi_tiktok import __version__
from asgi_tiktok.commands import demo, dev, doctor, emulator, webhook
from asgi_tiktok.commands.parser import Command, Parser
from asgi_tiktok.errors import ConfigurationError


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


def make_parser() -> Parser:
    parser = Parser(prog="asgi-tiktok", description='"Continue with TikTok" for every ASGI app.')
    parser.add_argument("--version", action="version", version=f"asgi-tiktok {__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in (demo, dev, emulator, doctor, webhook):
        command.add(commands)
    return parser
