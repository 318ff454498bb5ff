"""The variables that `asgi-tiktok emulator` prints or writes, read by shells and from files."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from asgi_tiktok.commands import main
from asgi_tiktok.demo.env_file import env_line, read_env_file, write_env_file
from asgi_tiktok.demo.shells import current_shell, set_variables
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY
from asgi_tiktok.errors import ConfigurationError
from tests.support.processes import Start

VALUES = {
    "PLAIN": "http://localhost:8000/auth/tiktok/callback",
    "APOSTROPHE": "it's",
    "QUOTES": 'say"hi"',
    "DOLLAR": "$HOME",
    "BACKQUOTES": "a`date`b",
    "EXCLAMATION": "wow!now!!",
    "PERCENT": "50%PATH%",
    "HASH": "#hash x #y",
    "TILDE": "~/x",
    "OTHERS": "a;b&c|d<e>f(g)*?[x]",
}
AMBIGUOUS = {"BACKSLASH": "back\\slash\\", "BRACE": "${HOME}", "BOTH": "it's\"$"}
PRINT = "\nprintf '%s\\n' " + " ".join(f'"${name}"' for name in VALUES)


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("sh", r"export A='it'\''s\!'"),
        ("csh", r"setenv A 'it'\''s\\!'"),
        ("fish", r"set -x A 'it\'s\\!'"),
        ("PowerShell", r"$env:A = 'it''s\!'"),
        ("cmd", 'set "A=it\'s\\!"'),
    ],
)
def test_variables_in_the_syntax_of_the_shell(shell: str, line: str) -> None:
    assert set_variables({"A": r"it's\!"}, shell) == [line]


def test_shell_is_recognized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asgi_tiktok.demo.shells.parent_name", lambda: "")
    assert current_shell({"SHELL": "/usr/bin/fish"}, "linux") == "fish"
    assert current_shell({"SHELL": "/bin/tcsh"}, "linux") == "csh"
    assert current_shell({}, "linux") == "sh"
    assert current_shell({"PSModulePath": "a;b;c"}, "win32") == "PowerShell"
    assert current_shell({"PSModulePath": "a;b"}, "win32") == "cmd"
    monkeypatch.setattr("asgi_tiktok.demo.shells.parent_name", lambda: "zsh")
    assert current_shell({"SHELL": "/usr/bin/fish"}, "linux") == "sh"


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_shell_reads_the_lines_and_the_file(shell: str, tmp_path: Path) -> None:
    values = {**VALUES, **AMBIGUOUS}
    lines = "\n".join(set_variables(values, "sh"))
    print_all = "\nprintf '%s\\n' " + " ".join(f'"${name}"' for name in values)
    assert read_by(shell, lines + print_all) == list(values.values())

    write_env_file(tmp_path / ".env", VALUES)
    assert read_by(shell, f"set -a; . {tmp_path}/.env" + PRINT) == list(VALUES.values())
    assert read_env_file(tmp_path / ".env") == VALUES


def read_by(shell: str, program: str) -> list[str]:
    return subprocess.run([shell, "-c", program], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("value", AMBIGUOUS.values())
def test_value_that_programs_read_in_different_ways_is_not_written(value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^NAME has a backslash"):
        env_line("NAME", value)


def test_file_that_cannot_be_replaced_is_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / ".env"
    path.write_text("DEBUG=1\n")
    path.chmod(0o640)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full_disk)
        with pytest.raises(ConfigurationError, match="No space left"):
            write_env_file(path, {"A": "b"})
    assert (path.read_text(), list(tmp_path.iterdir())) == ("DEBUG=1\n", [path])
    write_env_file(path, {"A": "b"})
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("DEBUG=1\nA=b\n", 0o640)
    write_env_file(Path("/dev/null"), {"A": "b"})
    assert Path("/dev/null").is_char_device()


def test_env_file_keeps_other_lines(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text('# mine\nDEBUG=1\nexport TIKTOK_CLIENT_KEY="old" # note\n')
    assert read_env_file(path) == {"DEBUG": "1", "TIKTOK_CLIENT_KEY": "old"}
    write_env_file(path, {"TIKTOK_CLIENT_KEY": "new"})
    assert path.read_text() == "# mine\nDEBUG=1\nTIKTOK_CLIENT_KEY=new\n"
    path.write_text("what is this\n")
    with pytest.raises(ConfigurationError, match=r"line 1, is not a variable\. Write NAME=value\."):
        read_env_file(path)


def test_emulator_writes_the_env_file(start: Start, folder: Path) -> None:
    process = start("emulator", "--port", "0", "--env-file", ".env")
    assert "The variables for your app are in .env." in process.wait_until_ready()
    assert read_env_file(folder / ".env")["TIKTOK_CLIENT_KEY"] == DEFAULT_CLIENT_KEY
    assert process.end() == 0


def test_env_file_that_cannot_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulator", "--port", "0", "--env-file", "nowhere/.env"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("asgi-tiktok: nowhere/.env cannot be written")
    assert line.endswith("Name a file in a folder that you can write to.")
