"""The guard over each server: request targets that only a raw socket can send (R-80 to R-87)."""

import socket
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from asgi_tiktok.testing import login_cookies
from tests.support.guarded import SECRET
from tests.support.guarded.host import APPS, SAMPLE
from tests.support.guarded.requests import DELIVERIES, ROOTS, targets
from tests.support.servers import COMMANDS, run_server
from tests.support.settings import ORIGIN
from tests.support.strategies import SOAK
from tests.support.tiktok import new_tiktok
from tests.support.waiting import TIMEOUT

TARGETS = 2 * SOAK
"""How many targets are tried for each app, guard and delivery."""

CELLS = [
    pytest.param(kind, root_path, id=f"R-{80 + number} {kind} {root_path or 'without root_path'}")
    for number, (kind, root_path) in enumerate((kind, root) for kind in COMMANDS for root in ("", "/app"))
]
WEBSOCKET = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def exchange(port: int, method: str, target: bytes, **headers: str) -> bytes:
    """Send one request with exactly this target, and return what the server sends."""
    lines = f"Host: testserver\r\nOrigin: {ORIGIN}\r\nAccess-Control-Request-Method: GET\r\n"
    lines += WEBSOCKET if method == "WEBSOCKET" else "Connection: close\r\nContent-Length: 0\r\n"
    lines += "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    verb = b"GET" if method == "WEBSOCKET" else method.encode()
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        connection.sendall(verb + b" " + target + b" HTTP/1.1\r\n" + lines.encode() + b"\r\n")
        try:
            while chunk := connection.recv(65536):
                received += chunk
                if method == "WEBSOCKET" and b"\r\n\r\n" in received:
                    connection.settimeout(0.05)  # the message follows at once
        except (TimeoutError, ConnectionResetError):
            pass
    return received


@pytest.mark.soak
@pytest.mark.parametrize(("kind", "root_path"), CELLS)
def test_no_request_target_leads_an_anonymous_visitor_to_a_guarded_route(
    kind: str, root_path: str, tmp_path: Path, record_property: Any
) -> None:
    random = Random(f"{kind} {root_path}")
    tried, let_through = 0, list[object]()
    with run_server(kind, tmp_path, "http://127.0.0.1:8700", root_path, "tests.support.guarded.host:app") as origin:
        port = urlsplit(origin).port or 0
        for name in SAMPLE:
            for guard in APPS[name].guards:
                site = {"x_app": name, "x_guard": guard}
                for delivery in DELIVERIES:
                    every = list(targets(APPS[name], delivery, f"{kind} {root_path} {name} {guard}"))
                    for method, target in random.sample(every, TARGETS):
                        root = {"daphne_root_path": quote(target.root_path or random.choice(ROOTS))}
                        response = exchange(
                            port, method, target.raw_path, **site, **(root if random.random() < 0.5 else {})
                        )
                        tried += 1
                        if SECRET.encode() in response:
                            let_through.append((name, guard, method, target, root))
        if not root_path:
            assert_works(port, tmp_path)

    record_property("guard_matrix", {"tried": tried, "let_through": len(let_through)})
    assert not let_through


def assert_works(port: int, folder: Path) -> None:
    """Check that a signed-in user gets the guarded text of each app."""
    tiktok = new_tiktok(store=f"sqlite:///{folder}/store.sqlite3")
    (cookie,) = login_cookies(tiktok)
    header = f"{cookie['name']}={cookie['value']}"
    for name in SAMPLE:
        response = exchange(port, "GET", APPS[name].path.encode(), x_app=name, x_guard="/", cookie=header)
        assert SECRET.encode() in response, (name, response)
