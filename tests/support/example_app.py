"""Run an example unchanged, and check what every example must do."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import httpx2
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, Emulator, Person, run_emulator
from tests.support.canaries import SECRET_KEY, SECRET_SHAPES
from tests.support.login import approve
from tests.support.people import AMARA, QUILL
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.settings import CALLBACK, FETCH, LOGIN, NAVIGATION
from tests.support.waiting import TIMEOUT

EXAMPLES = Path(__file__).parents[2] / "examples"
NAME = AMARA.display_name


@contextmanager
def running(file: str, folder: Path, emulator: Emulator | None = None, **environ: str) -> Iterator[str]:
    """Run the example and yield its address. `{port}` in a variable becomes the port of the example."""
    port = int(environ.get("PORT") or free_port())
    with run_emulator(emulator) as tiktok:
        settings = {
            "PORT": str(port),
            "TIKTOK_CLIENT_KEY": DEFAULT_CLIENT_KEY,
            "TIKTOK_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
            "TIKTOK_REDIRECT_URI": f"http://localhost:{port}{CALLBACK}",
            "TIKTOK_SECRET_KEY": SECRET_KEY,
            "TIKTOK_BASE_URL": tiktok.url,
            **{name: value.format(port=port) for name, value in environ.items()},
        }
        with Process(folder, [sys.executable, str(EXAMPLES / file)], **settings) as example:
            example.wait_until_listening(port)
            yield f"http://localhost:{port}"
    assert "Exception in ASGI" not in example.output, example.output
    assert not SECRET_SHAPES.search(example.output), example.output


def open_browser() -> httpx2.Client:
    """Open a browser that is patient, because the machine may be busy when an example answers for the first time."""
    return httpx2.Client(follow_redirects=True, timeout=TIMEOUT)


def sign_in(browser: httpx2.Client, address: str, next_path: str = "/", person: Person = AMARA) -> httpx2.Response:
    """Sign the person in and return the page at `next_path`."""
    page = browser.get(f"{address}{LOGIN}?next={next_path}")
    return approve(browser, page, person.open_id)


def open_socket(browser: httpx2.Client, address: str, path: str, protocol: str | None = None) -> ClientConnection:
    """Open a WebSocket as a page of the site does, with the cookies of this browser."""
    return connect(
        f"ws{address.removeprefix('http')}{path}",
        origin=Origin(address),
        additional_headers={"cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())},
        subprotocols=[Subprotocol(protocol)] if protocol else None,
        proxy=None,
    )


def assert_signs_in_and_out(address: str) -> None:
    """Check the home page before the sign-in, after it, and after the sign-out."""
    with open_browser() as browser:
        assert "Continue with TikTok" in browser.get(f"{address}/").text
        greeting = sign_in(browser, address, person=QUILL).text
        assert f"Hello {QUILL.display_name}" in unescape(greeting)
        assert "<b>" in QUILL.display_name
        assert "<b>" not in greeting
        home = browser.post(f"{address}/auth/tiktok/logout?next=/", headers={"origin": address})
        assert "Continue with TikTok" in home.text


def assert_requires_sign_in(address: str, path: str) -> None:
    """Check that an anonymous API call gets 401 and that an anonymous page request is redirected to the login."""
    api_call = httpx2.get(f"{address}{path}", headers=FETCH, timeout=TIMEOUT)
    assert (api_call.status_code, api_call.json()["error"]) == (401, "login_required")
    assert api_call.json()["login_url"].startswith("/auth/tiktok/login")

    page = httpx2.get(f"{address}{path}", headers=NAVIGATION, timeout=TIMEOUT)
    assert (page.status_code, page.headers["location"]) == (303, f"/auth/tiktok/login?next=%2F{path[1:]}")
