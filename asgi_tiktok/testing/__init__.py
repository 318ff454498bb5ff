"""Tools for tests: sign a user in without TikTok, or run an emulated TikTok. The runtime never imports them."""

from typing import TYPE_CHECKING, Any

from asgi_tiktok.testing.login import login_as, login_as_async, login_cookies

if TYPE_CHECKING:
    from asgi_tiktok.testing.emulated_tiktok import EmulatedTikTok, run_emulator

__all__ = ["EmulatedTikTok", "login_as", "login_as_async", "login_cookies", "run_emulator"]


def __getattr__(name: str) -> Any:
    # Imported on first use, because login_as() must work without the extra `emulator`.
    if name in ("EmulatedTikTok", "run_emulator"):
        from asgi_tiktok.testing import emulated_tiktok

        return getattr(emulated_tiktok, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
