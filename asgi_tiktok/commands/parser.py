"""The command-line parser, and the options that several subcommands have."""

import argparse
import socket
import sys
from pathlib import Path
from typing import NoReturn, TypeAlias

from asgi_tiktok.commands.output import write, write_error


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        if message.endswith("expected one argument"):
            message += " (write a value that begins with - after =, as in --open-id=-000x)"
        write_error(f"{self.prog}: {message}. See: {self.prog} --help")
        sys.exit(2)

    def print_help(self, file: object = None) -> None:
        write(self.format_help().rstrip())


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def port_number(text: str) -> int:
    port = int(text) if text.isascii() and text.isdecimal() else -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; use a number up to 65535, or 0 for any free port")
    return port


def add_port(parser: Parser, option: str, server: str, default: int) -> None:
    description = f"port of the {server} (default: {default} or the next free one)"
    parser.add_argument(option, type=port_number, metavar="PORT", help=description)


def own_address(text: str) -> str:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        if not text:
            raise OSError  # otherwise, an empty string means all addresses
        socket.create_server((text, 0), family=family).close()
    except (OSError, UnicodeError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an address of this machine; use 0.0.0.0 for all its addresses"
        ) from None
    return text


def add_host(parser: Parser, servers: str) -> None:
    description = f"address at which {servers} (default: loopback); 0.0.0.0 in a container"
    parser.add_argument("--host", type=own_address, metavar="ADDRESS", help=description)


def add_config(parser: Parser) -> None:
    description = "TOML file with people, apps and knobs of the emulator"
    parser.add_argument("--config", type=Path, metavar="FILE", help=description)
