"""How commands start, and how Ctrl-C and SIGTERM end them."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from asgi_tiktok.errors import ConfigurationError


@contextmanager
def until_stopped(extra: str) -> Iterator[None]:
    """End the block without a traceback on Ctrl-C or SIGTERM. Further signals are ignored.

    Raises ConfigurationError with the command to run if a package of the extra is not installed.
    """
    signals = (signal.SIGINT, signal.SIGTERM)

    def stop(number: int, frame: object) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in signals}
    try:
        yield
    except KeyboardInterrupt:
        pass
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "uvicorn"):
            raise
        raise ConfigurationError(
            f"This command needs {error.name}, which is not installed. Run: pip install 'asgi-tiktok[{extra}]'"
        ) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C in the block, which has something to clean up."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def sleep_forever() -> None:
    # On every platform, a signal interrupts a sleep, but not a wait without a timeout.
    while True:
        time.sleep(3600)
