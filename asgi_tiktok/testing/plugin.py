"""The pytest plugin. It imports the emulator only when a test uses a fixture."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from asgi_tiktok.testing.emulated_tiktok import EmulatedTikTok


@pytest.fixture
def tiktok_emulator() -> "Iterator[EmulatedTikTok]":
    """An emulated TikTok for this test, in this process and without a socket: tiktok_emulator.attach("main:app")."""
    from asgi_tiktok.testing.emulated_tiktok import EmulatedTikTok

    emulated = EmulatedTikTok()
    yield emulated
    emulated.detach()


@pytest.fixture
def tiktok_server(tiktok_emulator: "EmulatedTikTok") -> "Iterator[EmulatedTikTok]":
    """The emulated TikTok of this test, served on this machine, for browsers and for other processes."""
    from asgi_tiktok.emulator import run_emulator

    with run_emulator(tiktok_emulator.emulator) as running:
        yield tiktok_emulator.served_at(running.url)
