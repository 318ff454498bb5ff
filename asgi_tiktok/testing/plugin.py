"""The pytest plugin. It imports the emulator when a test asks for it, and not before."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from asgi_tiktok.testing.emulated_tiktok import EmulatedTikTok


@pytest.fixture
def tiktok_emulator() -> "EmulatedTikTok":
    """A TikTok of this test's own, in process, without a socket: TikTok(**tiktok_emulator.settings)."""
    from asgi_tiktok.testing.emulated_tiktok import EmulatedTikTok

    return EmulatedTikTok()


@pytest.fixture
def tiktok_server(tiktok_emulator: "EmulatedTikTok") -> "Iterator[EmulatedTikTok]":
    """The same TikTok at an address of this machine, for browsers and for other processes."""
    from asgi_tiktok.emulator import run_emulator

    with run_emulator(tiktok_emulator.emulator) as running:
        yield tiktok_emulator.served_at(running.url)
