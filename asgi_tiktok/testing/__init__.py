"""The test kit: people who are signed in without a TikTok, and a TikTok for tests. The runtime never imports it."""

from typing import TYPE_CHECKING, Any

from asgi_tiktok.testing.login import login_as, login_as_async, login_cookies

if TYPE_CHECKING:
    from asgi_tiktok.emulator import run_emulator
    from asgi_tiktok.testing.emulated_tiktok import EmulatedTikTok

__all__ = ["EmulatedTikTok", "login_as", "login_as_async", "login_cookies", "run_emulator"]


def __getattr__(name: str) -> Any:
    # Signing somebody in must not need the emulator's extra.
    if name == "run_emulator":
        from asgi_tiktok.emulator import run_emulator

        return run_emulator
    if name == "EmulatedTikTok":
        from asgi_tiktok.testing.emulated_tiktok import EmulatedTikTok

        return EmulatedTikTok
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
