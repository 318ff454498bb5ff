"""The entry point of the command `asgi-tiktok`.

It is outside the package, because Python imports the package before any module in it, and Ctrl-C during that import
would print a traceback. Only while Python itself starts, which takes about 20 ms, can Ctrl-C still print one.
"""

import os
import signal
import sys


def main() -> int:
    """Run the command, and return its exit status."""
    end_on_ctrl_c()
    from asgi_tiktok.commands import main as run

    return run()


def end_on_ctrl_c() -> None:
    """Let Ctrl-C end this process at once, without a traceback. A command that must clean up has its own handler."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        # Not KeyboardInterrupt, which an import may wrap into another error, and the end of the interpreter prints.
        signal.signal(signal.SIGINT, lambda number, frame: os._exit(status_of_ctrl_c(sys.argv[1:])))


def status_of_ctrl_c(arguments: list[str]) -> int:
    """Return 0 for a server. Otherwise return 128 + SIGINT, as of a program that a shell has ended."""
    return 0 if arguments and arguments[0] in ("demo", "dev", "emulator") else 130
