"""The person's own browser, when they sit in front of one."""

import os
import sys
import threading
import webbrowser
from collections.abc import Mapping
from contextlib import suppress


def open_browser(url: str) -> None:
    """Show the page in the desktop's browser, if there is a desktop; whatever happens, nothing fails."""
    if has_desktop(os.environ, sys.platform):
        # Some browsers hold on to the caller until they are closed.
        threading.Thread(target=show, args=(url,), name="browser", daemon=True).start()


def has_desktop(environ: Mapping[str, str], platform: str) -> bool:
    """Whether a window would open in front of the person, and not in a terminal or at another place."""
    if environ.get("SSH_CONNECTION") or environ.get("CI"):
        return False
    if platform in ("darwin", "win32"):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def show(url: str) -> None:
    with suppress(webbrowser.Error, OSError):
        webbrowser.open(url)
