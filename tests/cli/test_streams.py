"""The output of the commands, and Ctrl-C."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asgi_tiktok.commands import main
from tests.support.ports import free_port
from tests.support.processes import Start

# Python imports sitecustomize before anything else.
INTERRUPT_IMPORT = """
import os, signal, sys

# A process that a shell has started in the background ignores the signal.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Interrupt:
    def find_spec(name, path=None, target=None):
        if name == "asgi_tiktok.middleware":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt)
"""
INTERRUPT_CHILD = """
import os, signal, sys

if "--multiprocessing-fork" in sys.orig_argv:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.kill(os.getpid(), signal.SIGINT)
"""
COMMAND = [sys.executable, "-c", "import sys; from _asgi_tiktok_command import main; sys.exit(main())"]
MODULE = [sys.executable, "-m", "asgi_tiktok"]


def with_sitecustomize(folder: Path, program: str) -> str:
    """Return a PYTHONPATH on which the program is found as `sitecustomize`."""
    (folder / "sitecustomize.py").write_text(program)
    return os.pathsep.join([str(folder), *sys.path[1:]])


def run_in(folder: Path, shell_command: str, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as "$@" of a shell command."""
    command = ["sh", "-c", shell_command, "sh", *MODULE, *arguments]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("doctor", "--offline"), ("emulator", "--port", "0")]
)
def test_output_that_cannot_be_written_gets_one_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = run_in(tmp_path, '"$@" >/dev/full', *arguments)
    assert ended.returncode == 2
    assert ended.stderr == (
        "asgi-tiktok: The output cannot be written (No space left on device); send it to a terminal, a pipe or "
        "another file.\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("streams", "status"), [(">&-", 1), (">/dev/full 2>&1", 2), ("2>&-", 1), ("<&- >&- 2>&-", 1), ("| true", 0)]
)
def test_streams_that_are_missing_need_no_message(tmp_path: Path, streams: str, status: int) -> None:
    ended = run_in(tmp_path, f'"$@" {streams}', "doctor", "--offline")
    assert (ended.returncode, ended.stderr) == (status, "")


def test_terminal_without_unicode(tmp_path: Path) -> None:
    ended = run_in(tmp_path, '"$@"', "doctor", "--offline", PYTHONIOENCODING="ascii")
    assert "+ versions: asgi-tiktok" in ended.stdout
    assert "x client key: " in ended.stdout
    assert ended.stderr == ""


@pytest.mark.parametrize("command", ["dev main:app", "doctor --offline"])
def test_folder_that_was_deleted(tmp_path: Path, command: str) -> None:
    (tmp_path / "gone").mkdir()
    ended = run_in(tmp_path / "gone", 'rmdir ../gone; "$@"', *command.split())
    assert (ended.returncode, ended.stderr) == (
        2,
        "asgi-tiktok: The current folder is missing (No such file or directory); change to another.\n",
    )


@pytest.mark.parametrize(("arguments", "status"), [(["demo"], 0), (["doctor", "--offline"], 130)])
def test_ctrl_c_at_any_moment(monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int) -> None:
    def interrupt(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"asgi_tiktok.commands.{arguments[0]}.run", interrupt)
    assert main(arguments) == status


@pytest.mark.parametrize("program", [COMMAND, MODULE], ids=["asgi-tiktok", "python -m asgi_tiktok"])
@pytest.mark.parametrize(("command", "status"), [("dev", 0), ("doctor", 130)])
def test_ctrl_c_while_the_package_is_imported(tmp_path: Path, program: list[str], command: str, status: int) -> None:
    environ = {**os.environ, "PYTHONPATH": with_sitecustomize(tmp_path, INTERRUPT_IMPORT)}
    ended = subprocess.run([*program, command], env=environ, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (status, "")


def test_ctrl_c_while_the_app_process_starts(start: Start, folder: Path) -> None:
    (folder / "site").mkdir()
    environ = with_sitecustomize(folder / "site", INTERRUPT_CHILD)
    port = free_port()
    process = start("dev", "main:app", "--port", str(port), "--emulator-port", "0", PYTHONPATH=environ)
    process.wait_until(lambda: "GET /auth/tiktok/login" in process.stderr.read_text())
    assert "Traceback" not in process.stderr.read_text()
    assert process.end() == 0
