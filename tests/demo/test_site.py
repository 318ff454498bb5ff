import errno
import re
import socket
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from asgi_tiktok import ConfigurationError
from asgi_tiktok.demo import RunningServer, run_demo, serve_emulator
from asgi_tiktok.demo.browser import has_desktop, show
from asgi_tiktok.demo.highlight import highlight
from asgi_tiktok.demo.pages import Pages, compact
from asgi_tiktok.demo.ports import listen, on_port
from asgi_tiktok.demo.programs import programs
from asgi_tiktok.emulator import CAST
from tests.support.form_browser import FormBrowser
from tests.support.tiktok import new_tiktok
from tests.support.waiting import TIMEOUT


def test_protected_page_leads_through_tiktok_and_back(demo: RunningServer, browser: FormBrowser) -> None:
    studio = browser.sign_in(f"{demo.url}/studio", person=CAST[3].open_id)

    assert studio.url == f"{demo.url}/studio"
    assert "Tomás Brook" in studio.text


def test_denied_scope_can_be_requested_again(demo: RunningServer, browser: FormBrowser) -> None:
    profile = browser.sign_in(f"{demo.url}/profile", scopes=["user.info.basic", "user.info.profile"])
    assert "amara.sol.clay" in profile.text
    assert "18.4K" not in profile.text

    # Every login of the demo requests this scope, so the link need not name it.
    more = "/auth/tiktok/login?next=%2Fprofile"
    assert f'href="{more}"' in profile.text
    assert "18.4K" in browser.sign_in(demo.url + more).text


def test_user_who_grants_only_basic_scope(demo: RunningServer, browser: FormBrowser) -> None:
    profile = browser.sign_in(f"{demo.url}/profile", person=CAST[1].open_id, scopes=["user.info.basic"])

    assert "Jun" in profile.text
    assert '"username": null' in without_marks(profile.text)


def test_names_are_escaped(demo: RunningServer, browser: FormBrowser) -> None:
    profile = browser.sign_in(f"{demo.url}/profile", person=CAST[2].open_id)

    assert "<b>Quill</b>" not in profile.text
    assert "&lt;b&gt;Quill&lt;/b&gt;" in profile.text
    assert 'aria-label="verified"' in profile.text
    assert "; script-src 'sha256-" in profile.headers["content-security-policy"]
    assert profile.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self' 'sha256-")
    assert profile.headers["cache-control"] == "no-store"


def test_signed_out_page_redirects_a_signed_in_user(demo: RunningServer, browser: FormBrowser) -> None:
    assert "You are signed out" in browser.open(f"{demo.url}/signed-out").text
    browser.sign_in(f"{demo.url}/profile")
    assert "Hello, <bdi>Amara Sol</bdi>" in browser.open(f"{demo.url}/signed-out").text


def test_other_names_of_this_machine_redirect_to_the_registered_one(
    demo: RunningServer, browser: FormBrowser
) -> None:
    by_number = demo.url.replace("localhost", "127.0.0.1")
    missing = browser.open(f"{by_number}/a%20page")

    assert missing.url == f"{demo.url}/a%20page"
    assert missing.status_code == 404
    assert "Page not found" in missing.text


def test_every_program_signs_in_with_the_running_demo(
    demo: RunningServer, browser: FormBrowser, tmp_path: Path
) -> None:
    page = browser.open(demo.url).text
    shown = re.findall(r'<label for="(\w+)">.*?<pre tabindex="0">(.*?)</pre>', page, re.DOTALL)
    for name, code in shown:
        (tmp_path / f"{name}_app.py").write_text(without_marks(code))
    names = [f"{name}_app" for name, _ in shown]
    command = [sys.executable, "-m", "tests.demo.sign_in", str(tmp_path), *names]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=TIMEOUT)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{name}: Hello, Amara Sol!" for name in names]
    assert [name for name, _ in shown] == ["FastAPI", "Starlette", "Quart", "Litestar", "Django", "ASGI"]


def without_marks(html: str) -> str:
    return unescape(re.sub(r"</?span[^>]*>", "", html))


def test_program_uses_neither_the_port_of_the_demo_nor_that_of_the_emulator() -> None:
    tiktok = new_tiktok(redirect_uri="http://localhost:8080/auth/tiktok/callback", base_url="http://127.0.0.1:8081")

    for program in programs(tiktok).values():
        assert "uvicorn app:app --port 8082\n" in program
        assert 'redirect_uri="http://localhost:8082/auth/tiktok/callback"' in program


def test_code_is_highlighted() -> None:
    assert highlight('@app.get("/<x>")  # "home"\nasync def home(n=1): return None') == (
        '<span class="decorator">@app.get</span>(<span class="string">&#34;/&lt;x&gt;&#34;</span>)  '
        '<span class="comment"># &#34;home&#34;</span>\n'
        '<span class="keyword">async</span> <span class="keyword">def</span> home(n=<span class="number">1</span>): '
        '<span class="keyword">return</span> <span class="keyword">None</span>'
    )


def test_picture_address_follows_the_emulator_to_another_port(tmp_path: Path, browser: FormBrowser) -> None:
    with run_demo(port=0, emulator_port=0, folder=tmp_path / "demo") as first:
        browser.sign_in(f"{first.url}/profile")
        port = int(first.url.rpartition(":")[2])
    with run_demo(port=port, emulator_port=0, folder=tmp_path / "demo") as second:
        home = browser.open(second.url)
        picture = unescape(home.text.partition('<img class="avatar" src="')[2].partition('"')[0])
        assert second.emulator.url != first.emulator.url
        assert picture.startswith(second.emulator.url)
        assert browser.open(picture).headers["content-type"] == "image/svg+xml"


def test_user_without_a_picture() -> None:
    assert Pages("http://127.0.0.1:8700").picture(None) is None


def test_next_port_is_used_if_the_default_is_in_use(
    tmp_path: Path, taken_port: int, browser: FormBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asgi_tiktok.demo.servers.PORT", taken_port)
    with run_demo(emulator_port=0, folder=tmp_path / "demo") as running:
        assert running.url != f"http://localhost:{taken_port}"
        assert f"Open       {running.url} (port {taken_port} is in use)\n" in running.notice
        assert "Amara Sol" in browser.sign_in(f"{running.url}/profile").text


def test_port_in_use_on_ipv6_only(tmp_path: Path) -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    port = listener.getsockname()[1]
    with (
        listener,
        pytest.raises(ConfigurationError, match=f"Port {port} is in use"),
        run_demo(port=port, emulator_port=0, folder=tmp_path / "demo"),
    ):
        pass


def test_machine_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    create_server = socket.create_server

    def refuse_ipv6(address: tuple[str, int], **options: Any) -> socket.socket:
        if address[0] == "::1":
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return create_server(address, **options)

    monkeypatch.setattr("socket.create_server", refuse_ipv6)
    [listener] = listen(0)
    with listener:
        assert listener.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("error", "port", "sentence"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), 80, "Port 80 needs administrator rights"),
        (
            OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"),
            None,
            r"Port 8000 cannot be opened \(Cannot assign",
        ),
        (
            OSError(errno.EADDRINUSE, "Address already in use"),
            None,
            "The ports 8000 to 8019 are in use. Choose another with --x",
        ),
    ],
)
def test_unavailable_port_is_reported(error: OSError, port: int | None, sentence: str) -> None:
    def bind(port: int) -> None:
        raise error

    with pytest.raises(ConfigurationError, match=sentence):
        on_port(port, 8000, "--x", bind)


def test_emulator_notice_lists_the_variables(browser: FormBrowser) -> None:
    with serve_emulator(port=0) as running:
        assert re.search(rf"TIKTOK_BASE_URL.*{re.escape(running.url)}", running.notice)
        assert browser.open(f"{running.url}/_emulator/emulator.css").status_code == 200


def test_emulator_notice_has_the_app_of_the_config_file(tmp_path: Path) -> None:
    config = tmp_path / "people.toml"
    config.write_text(
        '[[apps]]\nclient_key = "sbmykey"\nclient_secret = "opens-nothing"\nname = "My app"\n'
        'redirect_uris = ["https://app.example.com/studio/auth/tiktok/callback"]\n'
    )
    with serve_emulator(port=0, config=config) as running:
        assert re.search("TIKTOK_CLIENT_KEY.*sbmykey", running.notice)
        assert re.search("TIKTOK_REDIRECT_URI.*https://app.example.com/studio/auth", running.notice)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1K"), (18_432, "18.4K"), (999_999, "999.9K"), (4_700_000_000, "4.7B")],
)
def test_counts_are_abbreviated(count: int, text: str) -> None:
    assert compact(count) == text


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "192.0.2.1 5 192.0.2.2 22"}, "linux", False),
        ({"CI": "true"}, "darwin", False),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_desktop_is_detected(environ: dict[str, str], platform: str, expected: bool) -> None:
    assert has_desktop(environ, platform) is expected


def test_failure_to_open_a_browser_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def fail(url: str) -> bool:
        asked.append(url)
        raise OSError("no such program")

    monkeypatch.setattr("webbrowser.open", fail)
    show("http://localhost:8000")
    assert asked == ["http://localhost:8000"]
