import subprocess
import sys
from pathlib import Path

import pytest

from asgi_tiktok import __version__
from asgi_tiktok.commands import main
from tests.support.waiting import TIMEOUT


def test_help_without_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "demo" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"asgi-tiktok {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["dmo"], "invalid choice: 'dmo'"),
        (["demo", "--port", "http"], "'http' is not a port; use a number up to 65535, or 0 for any free port. See:"),
        (["demo", "--emulator-port", "65536"], "'65536' is not a port"),
        (["demo", "--port", "-1"], "asgi-tiktok demo: argument --port"),
        (["emulator", "--no-browser"], "unrecognized arguments: --no-browser"),
    ],
)
def test_wrong_arguments_get_one_line(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert sentence in line


@pytest.mark.parametrize(("command", "extra"), [("demo", "demo"), ("emulator", "emulator")])
@pytest.mark.parametrize("missing", ["uvicorn", "jinja2"])
def test_missing_extra_is_named(command: str, extra: str, missing: str) -> None:
    code = "import sys; command, missing = sys.argv[1:]; sys.modules[missing] = None; "
    code += "from asgi_tiktok.commands import main; sys.exit(main([command]))"
    ended = subprocess.run(
        [sys.executable, "-c", code, command, missing], capture_output=True, text=True, timeout=TIMEOUT
    )

    assert ended.returncode == 2
    assert ended.stderr == (
        f"asgi-tiktok: This command needs {missing}, which is not installed. "
        f"Run: pip install 'asgi-tiktok[{extra}]'\n"
    )


def test_other_missing_module_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asgi_tiktok.demo", None)
    with pytest.raises(ModuleNotFoundError, match=r"asgi_tiktok\.demo"):
        main(["demo"])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (
            ".asgi-tiktok",
            "",
            "Sessions cannot be saved in the folder .asgi-tiktok (Not a directory);",
        ),
        (".asgi-tiktok/demo.key", "short\n", "demo.key does not hold a valid key; delete the file,"),
        (".asgi-tiktok/store.sqlite3", "no database, but long enough to look at", "file is not a database"),
    ],
)
def test_unusable_folder_is_reported(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: str,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)

    assert main(["demo", "--no-browser", "--port", "0", "--emulator-port", "0"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert sentence in line


def test_new_folder_that_cannot_be_used_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full_disk(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.link", full_disk)
    assert main(["demo", "--no-browser", "--port", "0", "--emulator-port", "0"]) == 2
    assert "Sessions cannot be saved in the folder .asgi-tiktok (No space left on device)" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("toml", "fix"),
    [
        ("[[people]]\nopen_id = 'ada'\ndisplay_nam = 'Ada'\n", "display_name"),
        ("[[people]]\ndisplay_name = 'Ada'\n", "open_id"),
        ("[knobs]\nlifetimes = 'eternal'\n", "legacy"),
        ("people = 3\n", "people"),
        ("[[people", "people.toml"),
    ],
)
@pytest.mark.parametrize("command", [["emulator"], ["dev", "main:app"]])
def test_invalid_config_file_gets_one_line(tmp_path: Path, command: list[str], toml: str, fix: str) -> None:
    (tmp_path / "people.toml").write_text(toml)
    (tmp_path / "main.py").write_text("async def app(scope, receive, send): ...\n")
    done = run_in(tmp_path, *command, "--config", "people.toml")

    assert done.returncode == 2
    assert done.stderr.startswith("asgi-tiktok: ")
    assert len(done.stderr.splitlines()) == 1
    assert fix in done.stderr


def test_emulator_does_not_run_in_production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "production")
    done = run_in(tmp_path, "emulator")

    assert done.returncode == 2
    assert "APP_ENV=production" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def run_in(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "asgi_tiktok", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
