"""The emulator and `dev` in a container: --host and --public-url."""

import socket
from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from asgi_tiktok.commands import main
from asgi_tiktok.commands.dev_setup import with_emulator, with_tiktok
from asgi_tiktok.demo import serve_emulator
from tests.support.ports import free_port

OTHER_ADDRESS = "127.0.0.2"  # of this machine, but not the one on which the servers listen by default


def status(port: int, host: str) -> int:
    """Return the status of the emulator's page, requested as from another machine with this header Host."""
    return httpx2.get(f"http://{OTHER_ADDRESS}:{port}/_emulator/", headers={"Host": host}).status_code


def variable(name: str, notice: str) -> str:
    """Return the line that sets the variable, in the syntax of any shell."""
    [line] = [line for line in notice.splitlines() if f"{name}=" in line or f"{name} " in line]
    return line


def test_other_machines_do_not_reach_the_emulator_by_default() -> None:
    port = free_port()
    with serve_emulator(port=port) as running:
        assert "--host" not in running.notice
        with pytest.raises(httpx2.ConnectError):
            status(port, "tiktok.localhost")


def test_emulator_for_other_containers_warns_and_answers_at_its_name() -> None:
    port = free_port()
    with serve_emulator(port=port, host="0.0.0.0") as running:
        assert f"! --host 0.0.0.0: all machines that reach port {port} of this one can sign in" in running.notice
        assert f"http://tiktok.localhost:{port}" in variable("TIKTOK_BASE_URL", running.notice)
        assert "INSECURE" not in running.notice
        assert status(port, f"tiktok.localhost:{port}") == 200
        for other in (f"emulator:{port}", f"192.168.0.7:{port}", "evil.example.com"):
            assert status(port, other) == 421


def test_public_url_is_the_address_for_browsers_and_apps() -> None:
    port = free_port()
    with serve_emulator(port=port, host="0.0.0.0", public_url="http://emulator:8700") as running:
        assert "Address    http://emulator:8700\n" in running.notice
        assert "http://emulator:8700" in variable("TIKTOK_BASE_URL", running.notice)
        assert "1" in variable("TIKTOK_INSECURE_BASE_URL", running.notice)
        assert f"-p 127.0.0.1:{port}:{port}" in running.notice
        assert status(port, "emulator:8700") == 200


def test_loopback_host_needs_no_warning() -> None:
    with serve_emulator(port=free_port(), host="127.0.0.1") as running:
        assert running.url.startswith("http://127.0.0.1:")
        assert "--host" not in running.notice


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--public-url", "http://login.example.com"], "--public-url='http://login.example.com' must have https"),
        (["--public-url", "http://emulator/path"], "--public-url='http://emulator/path' must be an origin"),
        (["--host", "0.0.0.0", "--port", "0"], "--host needs a port"),
    ],
)
def test_unusable_address_gets_one_line(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["emulator", *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert sentence in line


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "", "a" * 70 + ".b"])
def test_host_must_be_an_address_of_this_machine(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["emulator", "--host", host])
    assert f"{host!r} is not an address of this machine; use 0.0.0.0" in capsys.readouterr().err


def test_dev_serves_app_and_emulator_for_other_machines(folder: Path) -> None:
    port, emulator_port = free_port(), free_port()
    with ExitStack() as stack:
        arguments = Namespace(
            app="main:app",
            port=port,
            emulator_port=emulator_port,
            host="0.0.0.0",
            config=None,
            traceback=False,
            factory=False,
        )
        setup = with_emulator(arguments, stack)
        environ, notice = setup.environ, setup.notice

        assert [listener.getsockname() for listener in setup.listeners] == [("0.0.0.0", port)]
        assert environ["TIKTOK_BASE_URL"] == f"http://tiktok.localhost:{emulator_port}"
        assert environ["TIKTOK_REDIRECT_URI"] == f"http://localhost:{port}/auth/tiktok/callback"
        assert f"! --host 0.0.0.0: all machines that reach port {port} and {emulator_port} of this one" in notice
        assert status(emulator_port, f"tiktok.localhost:{emulator_port}") == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", emulator_port))


def test_dev_with_the_real_tiktok_warns_of_other_machines(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("TIKTOK_CLIENT_KEY", "sbown")
    monkeypatch.setenv("TIKTOK_CLIENT_SECRET", "own-secret")
    arguments = Namespace(app="main:app", port=port, host="0.0.0.0", traceback=False, factory=False)
    with ExitStack() as stack:
        notice = with_tiktok(arguments, stack).notice
    assert f"! --host 0.0.0.0: all machines that reach port {port} of this one can open the app." in notice
