"""An example, started as it stands, and the two things that every one of them can do."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import httpx2
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from asgi_tiktok.emulator import CAST, DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, Emulator, Person, run_emulator
from tests.support.canaries import SECRET_KEY, SECRET_SHAPES
from tests.support.login import approve
from tests.support.ports import free_port
from tests.support.settings import FETCH, NAVIGATION

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
NAME = CAST[0].display_name


@contextmanager
def running(file: str, folder: Path, emulator: Emulator | None = None, **environ: str) -> Iterator[str]:
    """Where the example answers, in a process of its own; `{port}` in its environment is the one it has."""
    port, log = free_port(), folder / "log"
    with run_emulator(emulator) as tiktok, log.open("w") as output:
        environment = {
            **os.environ,
            "PORT": str(port),
            "TIKTOK_CLIENT_KEY": DEFAULT_CLIENT_KEY,
            "TIKTOK_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
            "TIKTOK_REDIRECT_URI": f"http://localhost:{port}/auth/tiktok/callback",
            "TIKTOK_SECRET_KEY": SECRET_KEY,
            "TIKTOK_BASE_URL": tiktok.url,
            **{name: value.format(port=port) for name, value in environ.items()},
        }
        command = [sys.executable, str(EXAMPLES / file)]
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output) as example:
            try:
                wait_until_it_listens(port, example, log)
                yield f"http://localhost:{port}"
            finally:
                end(example)
    said = log.read_text()
    assert "Exception in ASGI" not in said, said
    assert not SECRET_SHAPES.search(said), said


def end(example: "subprocess.Popen[bytes]") -> None:
    """Ctrl-C, and no mercy for one that stays."""
    example.send_signal(signal.SIGINT)
    try:
        example.wait(10)
    except subprocess.TimeoutExpired:
        example.kill()
        raise


def wait_until_it_listens(port: int, example: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert example.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"the example does not listen: {log.read_text()}")


def sign_in(browser: httpx2.Client, address: str, next_path: str = "/", person: Person = CAST[0]) -> httpx2.Response:
    """The page at `next_path`, as the person sees it."""
    page = browser.get(f"{address}/auth/tiktok/login?next={next_path}")
    return approve(browser, page, person.open_id)


def open_socket(browser: httpx2.Client, address: str, path: str, protocol: str | None = None) -> ClientConnection:
    """A WebSocket that a page of the site opens in this browser."""
    return connect(
        f"ws{address.removeprefix('http')}{path}",
        origin=Origin(address),
        additional_headers={"cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())},
        subprotocols=[Subprotocol(protocol)] if protocol else None,
        proxy=None,
    )


def assert_signs_in_and_out(address: str) -> None:
    with httpx2.Client(follow_redirects=True) as browser:
        assert "Continue with TikTok" in browser.get(f"{address}/").text
        greeting = sign_in(browser, address, person=CAST[2]).text
        assert f"Hello {CAST[2].display_name}" in unescape(greeting)
        assert "<b>" in CAST[2].display_name
        assert "<b>" not in greeting
        home = browser.post(f"{address}/auth/tiktok/logout?next=/", headers={"origin": address})
        assert "Continue with TikTok" in home.text


def assert_closed_to_strangers(address: str, path: str) -> None:
    told = httpx2.get(f"{address}{path}", headers=FETCH)
    assert (told.status_code, told.json()["error"]) == (401, "login_required")
    assert told.json()["login_url"].startswith("/auth/tiktok/login")

    led = httpx2.get(f"{address}{path}", headers=NAVIGATION)
    assert (led.status_code, led.headers["location"]) == (303, f"/auth/tiktok/login?next=%2F{path[1:]}")
