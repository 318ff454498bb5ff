"""The note that `asgi-tiktok dev` is running, which `asgi-tiktok doctor` reads in another terminal."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from asgi_tiktok.stores import DEFAULT_URL

FOLDER = Path(DEFAULT_URL.removeprefix("sqlite:///")).parent
FILE = "dev.json"
TIMEOUT = 1  # second


@contextmanager
def note_of_dev(app: str, url: str, folder: Path = FOLDER) -> Iterator[None]:
    """Keep the note in the folder until the block ends. Without the folder, there is no note."""
    path = folder / FILE
    with suppress(OSError):
        path.write_text(json.dumps({"app": app, "url": url}))
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()


def running_dev(folder: Path = FOLDER) -> tuple[str, str] | None:
    """Return the app and the address of the `asgi-tiktok dev` that runs in this folder, or None."""
    try:
        note = json.loads((folder / FILE).read_text())
        # A command that was killed has left its note behind.
        socket.create_connection(("127.0.0.1", urlsplit(note["url"]).port), TIMEOUT).close()
        return str(note["app"]), str(note["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
