"""The folder that keeps the secret key and the sessions of `asgi-tiktok demo` and `asgi-tiktok dev`."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from asgi_tiktok.crypto.keys import KeyRing
from asgi_tiktok.errors import ConfigurationError, StoreError
from asgi_tiktok.stores import SQLiteStore
from asgi_tiktok.stores.sqlite import prepare_folder

FOLDER = Path(".asgi-tiktok")


def open_folder(folder: Path, key_file: str = "demo.key") -> tuple[str, SQLiteStore]:
    """Return the secret key and the store in the folder. Both are created if they do not exist.

    Raises ConfigurationError if the folder cannot be used. A new one is then deleted.
    """
    with deleted_if_unusable(folder):
        secret_key = open_key(folder, key_file)
        store = SQLiteStore(folder / "store.sqlite3")
        try:
            store._check()
        except StoreError as error:
            raise ConfigurationError(f"Sessions cannot be saved: {error.description}.", hint=error.hint) from error
    return secret_key, store


def open_key(folder: Path, key_file: str) -> str:
    """Return the secret key in the folder. Both are created if they do not exist.

    Raises ConfigurationError if the folder cannot be used. A new one is then deleted.
    """
    with deleted_if_unusable(folder):
        try:
            prepare_folder(folder)
            return read_key(folder / key_file) or create_key(folder / key_file)
        except OSError as error:
            raise ConfigurationError(
                f"Sessions cannot be saved in the folder {folder} ({error.strerror}); "
                "run this command in a folder that you can write to."
            ) from error


@contextmanager
def deleted_if_unusable(folder: Path) -> Iterator[None]:
    is_new = not folder.exists()
    try:
        yield
    except ConfigurationError:
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def read_key(path: Path) -> str | None:
    """Return the key in the file, or None if there is no file."""
    try:
        secret_key = path.read_text("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    try:
        KeyRing(secret_key)
    except ConfigurationError:
        raise ConfigurationError(
            f"{path} does not hold a valid key; delete the file, and the command will create a new one."
        ) from None
    return secret_key


def create_key(path: Path) -> str:
    """Save a new key; return it, or the key of another process that saved one first.

    The file is linked when it is complete, so no process ever reads half a key.
    """
    with NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    try:
        os.link(file.name, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(file.name)
    return path.read_text("ascii").strip()
