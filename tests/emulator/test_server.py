import socket
import threading

import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok.emulator import Emulator, run_emulator
from asgi_tiktok.emulator.world.hosts import is_local

from .wire import authorization_url, code_form


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/oauth/token"),
        ("GET", "/v2/oauth/token/"),
        ("POST", "/v2/oauth/revoke"),
        ("GET", "/v2/user/info"),
        ("POST", "/v2/user/info/"),
        ("POST", "/oauth/access_token/"),
    ],
)
def test_unknown_path_or_method_gets_the_gateways_response(emulator: Emulator, method: str, path: str) -> None:
    answer = TestClient(emulator).request(method, path)

    assert answer.status_code == 404
    assert answer.text == "Unsupported path(Janus)"
    assert answer.headers["content-type"].startswith("text/plain")
    assert emulator.exchanges[-1].path == path
    assert "slash" in (emulator.exchanges[-1].fix or "")


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("LOCALHOST:8700", True),
        ("tiktok.localhost:8700", True),
        ("127.0.0.1:8700", True),
        ("127.8.9.1", True),
        ("[::1]:8700", True),
        ("testserver", True),
        ("tiktok.test", True),
        ("", False),
        ("0.0.0.0:8700", False),
        ("192.168.0.7", False),
        ("[2001:db8::1]:8700", False),
        ("evil.example.com", False),
        ("localhost.evil.example.com", False),
        ("127.0.0.1.evil.example.com", False),
        ("evil.example.com:80@localhost", False),
        ("localhost:80@evil.example.com", False),
        ("localhost/evil", False),
    ],
)
def test_only_host_names_of_this_machine_are_local(host: str, local: bool) -> None:
    assert is_local(host) is local


def test_foreign_host_name_is_refused(emulator: Emulator) -> None:
    answer = TestClient(emulator).get(authorization_url(), headers={"Host": "evil.example.com"})

    assert answer.status_code == 421
    assert "only host names of this machine" in answer.text
    assert not emulator.exchanges


@pytest.mark.parametrize(
    ("public_url", "host", "status"),
    [
        ("http://emulator:8700", "emulator:8700", 200),
        ("http://emulator:8700/", "EMULATOR:8700", 200),
        ("http://emulator:8700", "localhost:8700", 200),
        ("http://emulator:80", "emulator", 200),
        ("https://login.example.com", "login.example.com:443", 200),
        ("http://192.168.0.7:8700", "192.168.0.7:8700", 200),
        ("http://emulator:8700", "emulator", 421),
        ("http://emulator:8700", "emulator:8701", 421),
        ("http://emulator:8700", "evil.emulator:8700", 421),
        ("http://emulator:8700", "emulator.evil.example.com:8700", 421),
        ("http://emulator:8700", "emulator:8700@evil.example.com", 421),
        ("http://emulator:8700", "", 421),
    ],
)
def test_public_url_is_the_only_other_name(public_url: str, host: str, status: int) -> None:
    answer = TestClient(Emulator(public_url=public_url)).get(authorization_url(), headers={"Host": host})

    assert answer.status_code == status
    if status == 421:
        assert answer.text.endswith(f"localhost, and {public_url}.")


def test_forms_work_behind_a_proxy_that_ends_tls() -> None:
    client = TestClient(Emulator(public_url="https://login.example.com"), follow_redirects=False)
    headers = {"Host": "login.example.com", "Origin": "https://login.example.com", "Sec-Fetch-Site": "same-origin"}
    for origin, status in (("https://login.example.com", 303), ("http://login.example.com", 403)):
        answer = client.post(
            "/_emulator/do/reset-clock", headers={**headers, "Origin": origin}, follow_redirects=False
        )
        assert answer.status_code == status


@pytest.mark.parametrize("public_url", ["emulator:8700", "http://emulator/x", "http://me@emulator", "ftp://emulator"])
def test_public_url_must_be_an_origin(public_url: str) -> None:
    with pytest.raises(ValueError, match="is not an origin; write scheme"):
        Emulator(public_url=public_url)


def test_server_for_other_machines_has_a_public_url() -> None:
    with run_emulator(Emulator(public_url="http://emulator:8700"), host="0.0.0.0") as running:
        assert running.url == "http://emulator:8700"


def test_lifespan_is_supported(emulator: Emulator) -> None:
    with TestClient(emulator) as client:
        assert client.get("/_emulator/emulator.css").status_code == 200


def test_login_over_a_real_socket() -> None:
    emulator = Emulator()
    with run_emulator(emulator) as running, httpx2.Client(base_url=running.url) as browser:
        assert running.emulator is emulator
        form = code_form(emulator.consent(running.url + authorization_url()))
        tokens = browser.post("/v2/oauth/token/", data=form).json()
        user = browser.get(
            "/v2/user/info/",
            params={"fields": "avatar_url"},
            headers={"Authorization": f"Bearer {tokens['access_token']}"},
        ).json()["data"]["user"]
        assert user["avatar_url"].startswith(f"{running.url}/_emulator/avatars/")
        assert browser.get(user["avatar_url"]).status_code == 200
    assert [exchange.endpoint for exchange in emulator.exchanges] == ["consent", "token", "user_info"]


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost"), ("::1", "[::1]")]
)
def test_server_releases_its_thread_and_port(host: str, expected: str) -> None:
    before = {*threading.enumerate()}
    with run_emulator(host=host) as running:
        assert running.url.startswith(f"http://{expected}:")
        assert httpx2.get(running.url + authorization_url()).status_code == 200
        port = int(running.url.rpartition(":")[2])
    assert {*threading.enumerate()} <= before
    with run_emulator(host=host, port=port) as again:
        assert again.url == running.url


def test_server_stops_if_the_block_raises() -> None:
    before = {*threading.enumerate()}
    with pytest.raises(KeyError), run_emulator():
        raise KeyError("in the block")
    assert {*threading.enumerate()} <= before


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "example.com", ""])
def test_server_refuses_hosts_other_than_loopback(host: str) -> None:
    with pytest.raises(ValueError, match="is not loopback"), run_emulator(host=host):
        pass


def test_port_in_use_raises_oserror() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"), run_emulator(port=port):
            pass
