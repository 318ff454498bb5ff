"""The folder that remembers: the demo's key and its sign-ins outlive a restart."""

import os
import secrets
from pathlib import Path

from asgi_tiktok.errors import ConfigurationError, StoreError
from asgi_tiktok.keys import SHORTEST_SECRET
from asgi_tiktok.stores import SQLiteStore
from asgi_tiktok.stores.sqlite import prepare_folder

FOLDER = Path(".asgi-tiktok")
KEY = "demo.key"
STORE = "store.sqlite3"


def open_folder(folder: Path) -> tuple[str, SQLiteStore]:
    """The secret key and the store in the folder, made where missing.

    Raises ConfigurationError when the folder cannot be used.
    """
    store = SQLiteStore(folder / STORE)
    try:
        prepare_folder(folder)
        secret_key = read_key(folder / KEY) or make_key(folder / KEY)
        store.run_in_thread(lambda db: None)
    except (OSError, StoreError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.description
        raise ConfigurationError(
            f"The folder {folder}, where sign-ins are kept, cannot be written ({reason}); "
            "start the demo in a folder of your own."
        ) from error
    return secret_key, store


def read_key(path: Path) -> str | None:
    """The key in the file, None when there is no file."""
    try:
        secret_key = path.read_text("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    if len(secret_key) < SHORTEST_SECRET:
        raise ConfigurationError(f"{path} does not hold a whole key; delete the file, and the demo makes a new one.")
    return secret_key


def make_key(path: Path) -> str:
    secret_key = secrets.token_urlsafe(32)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secret_key + "\n")
    return secret_key
