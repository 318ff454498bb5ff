"""What commands that run until they are stopped have in common."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from asgi_tiktok.errors import ConfigurationError


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
