"""Open the developer's own browser."""

import os
import sys
import threading
import webbrowser
from collections.abc import Mapping
from contextlib import suppress


def open_browser(url: str) -> None:
    """Open the page in a browser if there is a desktop. Never raises."""
    if has_desktop(os.environ, sys.platform):
        # In a thread, because some browsers block the caller until they are closed.
        threading.Thread(target=show, args=(url,), name="browser", daemon=True).start()


def has_desktop(environ: Mapping[str, str], platform: str) -> bool:
    """Return whether a browser would open on the developer's own screen, and not in a terminal or over SSH."""
    if environ.get("SSH_CONNECTION") or environ.get("CI"):
        return False
    if platform in ("darwin", "win32"):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def show(url: str) -> None:
    with suppress(webbrowser.Error, OSError):
        webbrowser.open(url)
