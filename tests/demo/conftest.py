import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from asgi_tiktok.demo import RunningServer, run_demo
from tests.support.form_browser import FormBrowser
from tests.support.processes import Start, starting


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A function that starts `asgi-tiktok` in an empty folder."""
    with starting(tmp_path) as start:
        yield start


@pytest.fixture
def browser() -> Iterator[FormBrowser]:
    browser = FormBrowser()
    yield browser
    browser.close()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[RunningServer]:
    with run_demo(port=0, emulator_port=0, folder=tmp_path / "demo") as running:
        yield running


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
