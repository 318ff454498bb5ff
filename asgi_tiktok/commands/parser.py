"""How the commands read their arguments."""

import argparse
from collections.abc import Callable
from typing import NoReturn, TypeAlias

Command = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that answers mistakes with one sentence."""

    def error(self, message: str) -> NoReturn:
        if message.endswith("expected one argument"):
            message += " (one that begins with - is written after =, as in --open-id=-000x)"
        self.exit(2, f"{self.prog}: {message}. See: {self.prog} --help\n")


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def port_number(text: str) -> int:
    port = int(text) if text.isascii() and text.isdecimal() else -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number up to 65535, 0 for any free one")
    return port
