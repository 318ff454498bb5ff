"""Each example runs as it stands, against the emulator."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from asgi_tiktok.emulator import CAST, DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, RunningEmulator
from tests.canaries import SECRET_KEY
from tests.test_server import agree

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def address(
    request: pytest.FixtureRequest, emulator_server: RunningEmulator, port: int, tmp_path: Path
) -> Iterator[str]:
    """Where the example answers, started as its own process in an empty folder."""
    environment = {
        **os.environ,
        "PORT": str(port),
        "TIKTOK_CLIENT_KEY": DEFAULT_CLIENT_KEY,
        "TIKTOK_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
        "TIKTOK_REDIRECT_URI": f"http://localhost:{port}/auth/tiktok/callback",
        "TIKTOK_SECRET_KEY": SECRET_KEY,
        "TIKTOK_BASE_URL": emulator_server.url,
    }
    command = [sys.executable, str(EXAMPLES / request.param)]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as example:
        try:
            wait_until_it_answers(f"http://localhost:{port}/", example)
            yield f"http://localhost:{port}"
        finally:
            example.send_signal(signal.SIGINT)
            example.wait(10)


def wait_until_it_answers(address: str, example: "subprocess.Popen[str]") -> None:
    for _ in range(200):
        try:
            httpx2.get(address)
            return
        except httpx2.ConnectError:
            assert example.poll() is None, example.stderr and example.stderr.read()
            time.sleep(0.05)
    raise AssertionError("the example does not answer")


@pytest.mark.parametrize("address", ["starlette_app.py"], indirect=True)
def test_a_person_signs_in_and_out(address: str) -> None:
    with httpx2.Client(follow_redirects=True) as browser:
        assert "Continue with TikTok" in browser.get(f"{address}/").text
        page = browser.get(f"{address}/auth/tiktok/login?next=/me")
        assert agree(browser, page, CAST[0].open_id).json()["name"] == CAST[0].display_name
        assert f"Hello {CAST[0].display_name}" in browser.get(f"{address}/").text
        home = browser.post(f"{address}/auth/tiktok/logout?next=/", headers={"origin": address})
        assert "Continue with TikTok" in home.text


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda example: example.name)
def test_an_example_is_short_and_declares_what_it_needs(example: Path) -> None:
    lines = example.read_text().splitlines()

    assert len(lines) <= 60
    assert lines[0] == "# /// script"
    assert any(line.startswith("# dependencies = [") for line in lines)
