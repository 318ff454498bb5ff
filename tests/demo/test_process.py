import signal
import socket
import stat
from pathlib import Path

import pytest

from tests.support.form_browser import FormBrowser
from tests.support.ports import free_port
from tests.support.processes import Start
from tests.support.waiting import TIMEOUT, wait_until


def test_sign_in_survives_a_restart(start: Start, browser: FormBrowser, tmp_path: Path) -> None:
    port, emulator_port = free_port(), free_port()
    command = ("demo", "--no-browser", "--port", str(port), "--emulator-port", str(emulator_port))
    url = f"http://localhost:{port}"

    first = start(*command)
    first.wait_until_ready()
    assert url in first.stdout.read_text()
    assert f"http://127.0.0.1:{emulator_port}" in first.stdout.read_text()
    assert "Continue with TikTok" in browser.open(url).text
    profile = browser.sign_in(f"{url}/auth/tiktok/login?next=/profile")
    assert profile.url == f"{url}/profile"
    assert "Amara Sol" in profile.text
    assert first.end() == 0
    assert first.stderr.read_text() == ""
    for freed in (port, emulator_port):
        socket.create_server(("127.0.0.1", freed)).close()

    second = start(*command)
    second.wait_until_ready()
    profile = browser.open(f"{url}/profile")
    assert "Amara Sol" in profile.text
    signed_out = browser.submit(profile)
    assert "You are signed out" in signed_out.text
    assert browser.client.get(f"{url}/auth/tiktok/session").json() == {"user": None}
    assert "Choose who signs in" in browser.open(f"{url}/profile").text
    assert second.end() == 0
    assert second.stderr.read_text() == ""

    key = tmp_path / ".asgi-tiktok" / "demo.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert (tmp_path / ".asgi-tiktok" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("command", [("demo", "--no-browser", "--emulator-port", "0"), ("emulator",)])
def test_sigterm_works_like_ctrl_c(start: Start, command: tuple[str, ...]) -> None:
    process = start(*command, "--port", "0")
    process.wait_until_ready()

    assert process.end(signal.SIGTERM) == 0
    assert process.stderr.read_text() == ""


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("demo", "--no-browser", "--emulator-port", "0"), "--port"),
        (("demo", "--no-browser", "--port", "0"), "--emulator-port"),
        (("emulator",), "--port"),
    ],
)
def test_requested_port_in_use(
    start: Start, taken_port: int, command: tuple[str, ...], option: str, tmp_path: Path
) -> None:
    process = start(*command, option, str(taken_port))

    assert process.popen.wait(TIMEOUT) == 2
    assert process.stderr.read_text() == (
        f"asgi-tiktok: Port {taken_port} is in use by another program. Choose another with {option}.\n"
    )
    assert process.stdout.read_text() == ""
    assert not (tmp_path / ".asgi-tiktok").exists()


def test_browser_opens_on_a_desktop(start: Start, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" > "{opened}.new" && mv "{opened}.new" "{opened}"\n')
    script.chmod(0o700)
    process = start(
        "demo", "--port", "0", "--emulator-port", "0", DISPLAY=":9", BROWSER=f"{script} %s", SSH_CONNECTION="", CI=""
    )
    process.wait_until_ready()

    wait_until(opened.exists)
    assert f"Open       {opened.read_text().strip()}\n" in process.stdout.read_text()
    assert process.end() == 0
