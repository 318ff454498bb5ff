"""The command `asgi-tiktok`, with one module for each subcommand."""

import logging
import os
import sys

from _asgi_tiktok_command import status_of_ctrl_c
from asgi_tiktok.commands.output import write, write_error
from asgi_tiktok.errors import ConfigurationError

__all__ = ["main"]


def main(argv: list[str] | None = None) -> int:
    """Run the command `asgi-tiktok`.

    Args:
        argv (list[str] | None): The arguments after the name of the command. Default: `sys.argv[1:]`.

    Returns:
        The exit status. It is 2, with one line on stderr, if the command cannot start. Ctrl-C ends a server with 0
        and any other command with 130.
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        return run(argv)
    except ConfigurationError as error:
        write_error(f"asgi-tiktok: {error}")
        return 2
    except KeyboardInterrupt:
        return status_of_ctrl_c(argv)
    except BrokenPipeError:
        return 2


def run(argv: list[str]) -> int:
    """Run the subcommand, and return its exit status."""
    # Imported here because `dev` runs one module of this package in a child process, which needs no subcommand.
    from asgi_tiktok import __version__
    from asgi_tiktok.commands import demo, dev, doctor, emulator, webhook
    from asgi_tiktok.commands.parser import Parser

    parser = Parser(prog="asgi-tiktok", description='"Continue with TikTok" for every ASGI app.')
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in (demo, dev, emulator, doctor, webhook):
        command.add(commands)
    arguments = parser.parse_args(argv)
    if arguments.version:
        write(f"asgi-tiktok {__version__}")
        return 0
    if arguments.run is None:
        parser.print_help()
        return 0

    check_folder()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    return int(arguments.run(arguments))


def check_folder() -> None:
    try:
        os.getcwd()
    except OSError as error:
        raise ConfigurationError(f"The current folder is missing ({error.strerror}); change to another.") from None
