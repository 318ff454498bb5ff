"""The folder that remembers: a key and the sign-ins outlive a restart, of the demo and of `asgi-tiktok dev`."""

import os
import secrets
from pathlib import Path
from tempfile import NamedTemporaryFile

from asgi_tiktok.crypto.keys import KeyRing
from asgi_tiktok.errors import ConfigurationError, StoreError
from asgi_tiktok.stores import SQLiteStore
from asgi_tiktok.stores.sqlite import prepare_folder

FOLDER = Path(".asgi-tiktok")
KEY = "demo.key"
STORE = "store.sqlite3"


def open_folder(folder: Path, key: str = KEY) -> tuple[str, SQLiteStore]:
    """The secret key in the file of that name and the store in the folder, made where missing.

    Raises ConfigurationError when the folder cannot be used.
    """
    store = SQLiteStore(folder / STORE)
    try:
        prepare_folder(folder)
        secret_key = read_key(folder / key) or make_key(folder / key)
        store.check()
    except OSError as error:
        raise ConfigurationError(
            f"The folder {folder}, where sign-ins are kept, cannot be written ({error.strerror}); "
            "start this in a folder of your own."
        ) from error
    except StoreError as error:
        raise ConfigurationError(f"Sign-ins cannot be kept: {error.description}. {error.hint}") from error
    return secret_key, store


def read_key(path: Path) -> str | None:
    """The key in the file, None when there is no file."""
    try:
        secret_key = path.read_text("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    try:
        KeyRing(secret_key)
    except ConfigurationError:
        raise ConfigurationError(
            f"{path} does not hold a whole key; delete the file, and a new one is made."
        ) from None
    return secret_key


def make_key(path: Path) -> str:
    """A new key, or the one of another process that was faster; the file appears with the whole key in it."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    try:
        os.link(file.name, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(file.name)
    return path.read_text("ascii").strip()
