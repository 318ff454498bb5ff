"""The entry point of the command `asgi-tiktok`.

It is outside the package, because Python imports the package before any module in it, and Ctrl-C during that import
would print a traceback.
"""

import os
import signal
import sys
from collections.abc import Sequence


def main() -> int:
    """Run the command, and return its exit status."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        # Not KeyboardInterrupt, which an import may wrap into another error. Nothing is open yet.
        signal.signal(signal.SIGINT, lambda number, frame: os._exit(status_of_ctrl_c(sys.argv[1:])))
    from asgi_tiktok.commands import main as run

    signal.signal(signal.SIGINT, before)
    return run()


def status_of_ctrl_c(arguments: Sequence[str]) -> int:
    """Return 0 for a server. Otherwise return 128 + SIGINT, as of a program that a shell has ended."""
    return 0 if arguments and arguments[0] in ("demo", "dev", "emulator") else 130
