import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from asgi_tiktok.commands import main
from asgi_tiktok.commands.checks.network import check_clock, clock_difference
from asgi_tiktok.commands.checks.settings import read_settings
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, RunningEmulator
from tests.support.canaries import OLD_SECRET_KEY, SECRET_KEY
from tests.support.redis_servers import redis_servers
from tests.support.waiting import TIMEOUT

GOOD = {
    "TIKTOK_CLIENT_KEY": "awproduction1",
    "TIKTOK_CLIENT_SECRET": "a-secret-of-the-app",
    "TIKTOK_REDIRECT_URI": "https://app.example.com/auth/tiktok/callback",
    "TIKTOK_SECRET_KEY": SECRET_KEY,
    "TIKTOK_STORE": "memory://",
}
SECRETS = ("a-secret-of-the-app", SECRET_KEY, OLD_SECRET_KEY, DEFAULT_CLIENT_SECRET)

NOVEMBER_2026 = 1_795_000_000.0


@pytest.fixture(autouse=True)
def in_temporary_folder(folder: Path) -> None:
    """Change to a temporary folder, because the default store creates a folder."""


@pytest.fixture
def emulator_settings(emulator_server: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "TIKTOK_CLIENT_KEY": DEFAULT_CLIENT_KEY,
        "TIKTOK_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
        "TIKTOK_REDIRECT_URI": "http://localhost:8000/auth/tiktok/callback",
        "TIKTOK_SECRET_KEY": SECRET_KEY,
        "TIKTOK_BASE_URL": emulator_server.url,
    }
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)


def findings(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run `doctor --json`; return the exit status and the findings by name."""
    status = main(["doctor", "--json", *options])
    out = capsys.readouterr().out
    assert not any(secret in out for secret in SECRETS)
    listed = json.loads(out)
    assert all(set(finding) == {"name", "status", "found", "fix"} for finding in listed)
    return status, {finding["name"]: finding for finding in listed}


def test_no_errors_with_the_emulator(emulator_settings: None, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = findings(capsys)
    assert status == 0
    assert {finding["status"] for finding in found.values()} == {"ok"}
    assert found["client key"]["found"] == DEFAULT_CLIENT_KEY
    assert found["client secret"]["found"] == f"{len(DEFAULT_CLIENT_SECRET)} characters"
    assert found["credentials"]["found"] == "TikTok accepts the client key and the client secret"
    assert found["store"]["found"] == "SQLiteStore('.asgi-tiktok/store.sqlite3'), which the app will create"
    assert found["clock"]["found"].endswith("of TikTok's")
    assert "API host" in found
    assert "authorization host" in found

    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"✓ client key: {DEFAULT_CLIENT_KEY}" in lines
    assert lines[-1] == "No errors, no warnings."


def test_wrong_client_secret_is_reported(
    emulator_settings: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIKTOK_CLIENT_SECRET", "a-secret-of-the-app")
    status, found = findings(capsys)
    assert status == 1
    assert "TikTok answers invalid_client: Client key or secret is incorrect." in found["credentials"]["found"]
    assert "A sandbox and the production app have different credentials." in found["credentials"]["fix"]


def test_unreachable_tiktok_is_reported(
    emulator_settings: None, port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIKTOK_BASE_URL", f"http://127.0.0.1:{port}")
    status, found = findings(capsys)
    assert status == 1
    assert found["API host"]["found"] == f"http://127.0.0.1:{port} cannot be reached (ConnectError)"
    assert found["API host"]["fix"] == "Start the emulator with: asgi-tiktok emulator"
    assert found["credentials"]["status"] == "warning"
    assert "not compared with TikTok's" in found["clock"]["found"]


def test_checks_that_depend_on_a_wrong_setting_are_skipped(
    emulator_settings: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TIKTOK_CLIENT_SECRET")
    assert findings(capsys)[1]["credentials"]["found"] == "not checked"
    monkeypatch.setenv("TIKTOK_BASE_URL", "ftp://elsewhere")
    status, found = findings(capsys)
    assert status == 1
    assert found["TikTok"]["status"] == "error"
    assert found["network"]["fix"] == "Fix TIKTOK_BASE_URL."


def test_all_missing_settings_are_reported_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    status, found = findings(capsys, "--offline")
    assert status == 1
    wrong = [name for name, finding in found.items() if finding["status"] == "error"]
    assert wrong == ["client key", "client secret", "secret key", "redirect URI"]
    assert all("is not set" in found[name]["found"] for name in wrong)
    assert "token_urlsafe(32)" in found["secret key"]["fix"]


def test_production_gets_registration_steps(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable, value in GOOD.items():
        monkeypatch.setenv(variable, value)
    status, found = findings(capsys, "--offline")
    assert status == 0
    assert "API host" not in found
    assert found["redirect URI"]["found"].endswith("(Web platform)")
    assert found["redirect URI"]["fix"].endswith(
        "your app > Login Kit > Web > Redirect URI: https://app.example.com/auth/tiktok/callback"
    )
    assert found["cookies"]["found"] == "__Host-tiktok_session, sent over https only"
    assert found["scopes"]["found"] == "user.info.basic (Login Kit)"
    assert "the address of the app comes from the redirect URI alone" in found["proxy headers"]["found"]


@pytest.mark.parametrize(
    ("second", "status", "text"),
    [
        (
            "https://app.example.org/callback",
            "ok",
            "Host selects one of 2 redirect URIs; other hosts get that",
        ),
        ("http://localhost:8000/callback", "warning", "any client may select cookies without Secure"),
    ],
)
def test_list_of_redirect_uris_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], second: str, status: str, text: str
) -> None:
    for variable, value in {**GOOD, "TIKTOK_REDIRECT_URI": f"https://app.example.com/callback,{second}"}.items():
        monkeypatch.setenv(variable, value)
    found = findings(capsys, "--offline")[1]
    assert (found["hosts"]["status"], text in found["hosts"]["found"]) == (status, True)
    assert found["redirect URI"]["fix"].count("Redirect URI: ") == 2


@pytest.mark.parametrize(
    ("variable", "value", "name", "status", "text"),
    [
        ("TIKTOK_CLIENT_KEY", " aw1 ", "client key", "warning", "white space around its value"),
        ("TIKTOK_CLIENT_KEY", '"aw1"', "client key", "error", "has quotes around its value"),
        ("TIKTOK_CLIENT_KEY", "aw 1", "client key", "error", "contains white space"),
        ("TIKTOK_CLIENT_KEY", DEFAULT_CLIENT_SECRET, "client key", "warning", "the length of a client secret"),
        ("TIKTOK_CLIENT_KEY", "sb1", "sandbox", "warning", "only target users can sign in"),
        ("TIKTOK_CLIENT_KEY", DEFAULT_CLIENT_KEY, "client key", "error", "is the emulator's key"),
        ("TIKTOK_CLIENT_SECRET", "“s1”", "client secret", "error", "has quotes around its value"),
        (
            "TIKTOK_CLIENT_SECRET",
            "awproduction1",
            "client secret",
            "error",
            "has the same value as TIKTOK_CLIENT_KEY",
        ),
        ("TIKTOK_SECRET_KEY", "short", "secret key", "error", "TIKTOK_SECRET_KEY is shorter than 32 characters"),
        ("TIKTOK_SECRET_KEY", "changeme" * 8, "secret key", "error", "looks like a placeholder"),
        (
            "TIKTOK_SECRET_KEY",
            f"{SECRET_KEY},{OLD_SECRET_KEY}",
            "secret key",
            "ok",
            "36 and 36 characters, newest",
        ),
        ("TIKTOK_REDIRECT_URI", "http://app.example.com/cb", "redirect URI", "error", "must begin with https://"),
        ("TIKTOK_REDIRECT_URI", "https://a.example/auth/tiktok/login", "redirect URI", "error", "our login route"),
        ("TIKTOK_REDIRECT_URI", "http://localhost:8000/cb", "redirect URI", "ok", "(Desktop platform)"),
        ("TIKTOK_REDIRECT_URI", "http://localhost:8000/cb", "cookies", "ok", "not Secure, because browsers refuse"),
        ("TIKTOK_SCOPES", "user.info.basic video.list", "scopes", "error", "with white space"),
        ("TIKTOK_SCOPES", "user.info.basc", "scopes", "error", "TikTok has no scope 'user.info.basc'"),
        ("TIKTOK_SCOPES", "some.thing.new", "scopes", "warning", "does not know 'some.thing.new'"),
        ("TIKTOK_SCOPES", "research.data.basic", "scopes", "error", "no user can grant it"),
        ("TIKTOK_SCOPES", "video.list", "scopes", "warning", "video.list (Display API)"),
        ("TIKTOK_SCOPES", "user.info.basic,video.upload", "scopes", "ok", "video.upload (Content Posting API)"),
        ("TIKTOK_BASE_URL", "http://127.0.0.1:8700", "TikTok", "error", "who signs in at app.example.com"),
        ("TIKTOK_STORE", "mongodb://x", "store", "error", "names an unknown kind of store"),
        ("TIKTOK_STORE", "sqlite:////proc/none/store.sqlite3", "store", "error", "/proc/none/store.sqlite3"),
        ("TIKTOK_STORE", "redis://:hush@127.0.0.1:9/0", "store", "error", "127.0.0.1:9"),
        ("WEB_CONCURRENCY", "4", "workers", "error", "4; each has its own sessions in memory"),
        ("UVICORN_WORKERS", "3", "workers", "error", "3; each"),
        ("GUNICORN_CMD_ARGS", "--bind :80 --workers 2", "workers", "error", "2; each"),
        ("FORWARDED_ALLOW_IPS", "*", "proxy headers", "warning", "lets any client set its own address"),
        ("TIKTOK_CLIENT_ID", "aw1", "variable", "warning", "TIKTOK_CLIENT_ID is read by nothing"),
        ("UVICORN_ROOT_PATH", "/app", "root path", "warning", "does not begin with it"),
    ],
)
def test_finding_for_each_setting(
    variable: str,
    value: str,
    name: str,
    status: str,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for each, good in GOOD.items():
        monkeypatch.setenv(each, good)
    monkeypatch.setenv(variable, value)
    exit_status, found = findings(capsys, "--offline")
    assert (found[name]["status"], text in found[name]["found"]) == (status, True), found[name]
    assert "hush" not in str(found)
    if status != "ok":
        assert found[name]["fix"]
        assert exit_status == (status == "error")
        assert main(["doctor", "--offline"]) == exit_status
        mark = {"warning": "!", "error": "✗"}[status]
        assert f"\n{mark} {name}: " in capsys.readouterr().out


def test_all_wrong_settings_are_reported_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {
        "TIKTOK_CLIENT_KEY": "aw 1",
        "TIKTOK_CLIENT_SECRET": "",
        "TIKTOK_SECRET_KEY": "short",
        "TIKTOK_REDIRECT_URI": "http://app.example.com/cb",
        "TIKTOK_SCOPES": "User.Info.Basic",
        "TIKTOK_BASE_URL": "ftp://elsewhere",
        "TIKTOK_STORE": "'memory://'",
    }
    for variable, value in wrong.items():
        monkeypatch.setenv(variable, value)
    status, found = findings(capsys, "--offline")
    assert status == 1
    errors = [finding for finding in found.values() if finding["status"] == "error"]
    assert len(errors) == len(wrong)
    assert all(variable in str(errors) for variable in wrong)
    assert all(finding["fix"] for finding in errors)


def test_settings_hide_secrets_in_their_repr() -> None:
    settings = read_settings({**GOOD, "TIKTOK_SECRET_KEY": "short-secret"})
    assert not any(secret in repr(settings) for secret in (*SECRETS, "short-secret"))


def test_workers_may_share_a_sqlite_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    assert findings(capsys, "--offline")[1]["workers"]["found"] == "4; they share the store"


@pytest.mark.parametrize(
    ("now", "ahead", "status", "text"),
    [
        (0, None, "error", "the year is 1970"),
        (NOVEMBER_2026, 0.4, "ok", "within 1 s"),
        (NOVEMBER_2026, 90.0, "warning", "90 seconds ahead of TikTok's"),
        (NOVEMBER_2026, -3600.0, "warning", "3600 seconds behind TikTok's"),
    ],
)
def test_clock_is_compared(
    now: float, ahead: float | None, status: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: now)
    finding = check_clock(ahead)
    assert finding.status == status
    assert text in finding.found


def test_clock_difference_from_a_date_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 784111777.5 + 70)
    assert clock_difference("Sun, 06 Nov 1994 08:49:37 GMT") == pytest.approx(70)
    assert clock_difference("yesterday") is None


def test_report_on_an_ascii_terminal(folder: Path) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "asgi_tiktok", "doctor", "--offline"]
    ended = subprocess.run(command, cwd=folder, env=environ, capture_output=True, timeout=TIMEOUT)
    assert ended.returncode == 1
    assert b"\nx client key: The environment variable TIKTOK_CLIENT_KEY is not set - Copy it" in ended.stdout
    assert ended.stderr == b""


@pytest.mark.parametrize(
    ("options", "name", "status", "text"),
    [
        ((), "Redis persistence", "warning", 'appendonly no and save "": every restart signs all users out'),
        (("--save", "60 1"), "Redis persistence", "warning", "save 60 1: a restart loses all logins"),
        (("--appendonly", "yes"), "Redis persistence", "ok", "at most the last second"),
        (("--appendonly", "yes", "--appendfsync", "always"), "Redis persistence", "ok", "loses nothing"),
        (("--appendonly", "yes", "--appendfsync", "no"), "Redis persistence", "warning", "appendfsync no"),
        ((), "Redis memory", "ok", "maxmemory-policy noeviction"),
        (("--maxmemory-policy", "volatile-lru"), "Redis memory", "warning", "signs users out"),
        (("--rename-command", "CONFIG", ""), "Redis persistence", "warning", "save not shown"),
        (("--rename-command", "INFO", ""), "Redis settings", "warning", "does not show its settings"),
    ],
)
def test_settings_of_redis_that_lose_records_are_reported(
    options: tuple[str, ...],
    name: str,
    status: str,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with redis_servers(tmp_path) as start:
        for variable, value in {**GOOD, "TIKTOK_STORE": start(*options).url}.items():
            monkeypatch.setenv(variable, value)
        exit_status, found = findings(capsys, "--offline")

    assert exit_status == 0
    assert found["store"]["status"] == "ok"
    assert (found[name]["status"], text in found[name]["found"]) == (status, True), found[name]
    assert (found[name]["fix"] is None) == (status == "ok")


def test_missing_store_package_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delitem(sys.modules, "asgi_tiktok.stores.sqlalchemy", raising=False)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    monkeypatch.setenv("TIKTOK_STORE", "postgresql+asyncpg://user@host/db")
    store = findings(capsys, "--offline")[1]["store"]
    assert store["found"] == "TIKTOK_STORE cannot be used. The SQLAlchemy store needs the package sqlalchemy"
    assert store["fix"] == "Run: pip install 'asgi-tiktok[sqlalchemy]'"


def test_store_that_does_not_exist_is_tried_without_leaving_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["doctor", "--offline"])
    assert "store: SQLiteStore('.asgi-tiktok/store.sqlite3'), which the app will create" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["main.py"]

    (tmp_path / ".asgi-tiktok").write_text("a file, not a folder")
    main(["doctor", "--offline"])
    assert "cannot be created (Not a directory)" in capsys.readouterr().out
