"""The command-line parser, and the options that several subcommands have."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeAlias

Command = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        if message.endswith("expected one argument"):
            message += " (write a value that begins with - after =, as in --open-id=-000x)"
        self.exit(2, f"{self.prog}: {message}. See: {self.prog} --help\n")


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def port_number(text: str) -> int:
    port = int(text) if text.isascii() and text.isdecimal() else -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; use a number up to 65535, or 0 for any free port")
    return port


def add_emulator_port(parser: Parser) -> None:
    parser.add_argument(
        "--emulator-port",
        type=port_number,
        metavar="PORT",
        help="port of the emulator (default: 8700 or the next free one)",
    )


def add_config(parser: Parser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="TOML file with people, apps and knobs of the emulator"
    )
