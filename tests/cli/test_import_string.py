import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asgi_tiktok.commands import main
from asgi_tiktok.commands.import_probe import examine
from asgi_tiktok.commands.import_string import check_target
from asgi_tiktok.errors import ConfigurationError

OTHER = """\
async def application(scope, receive, send): ...
async def handler(request): ...
def make(): ...
number = 3
"""


@pytest.fixture
def modules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of apps that work, and of some that do not."""
    (folder / "other.py").write_text(OTHER)
    (folder / "needy.py").write_text("import nowhere_to_be_found\n")
    (folder / "angry.py").write_text("print('loud')\nraise ValueError('no\\nway')\n")
    (folder / "torn.py").write_text("x = (\n")
    (folder / "gone.py").write_text("import os\nos._exit(7)\n")
    (folder / "src").mkdir()
    (folder / "src" / "web.py").write_text(OTHER)
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("other", "needy", "angry", "torn", "src"):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("main", "'main' names no app; write the module, a colon and the app in it: main:app"),
        ("./main.py", "the app in it: main:app"),
        ("src/web.py:application", "the app in it: src.web:application"),
        ("main.py:app", "the app in it: main:app"),
        (":app", "the app in it: main:app"),
        ("1+1:app", "the app in it: main:app"),
    ],
)
def test_what_names_no_app(folder: Path, target: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dev", target]) == 2
    captured = capsys.readouterr()
    [line] = captured.err.splitlines()
    assert line.endswith(sentence)
    assert captured.out == ""


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("mian:app", "There is no module 'mian' here; did you mean main:app?"),
        ("web:application", "There is no module 'web' here; did you mean src.web:application?"),
        ("unheard_of:app", "run this in the folder that holds it, or name it from here, as in package.main:app."),
        ("other:app", "other has no 'app'; did you mean other:application?"),
        ("other:number", "other:number is of type int, and no ASGI app; name the app itself"),
        ("other:handler", "other:handler is of type function, and no ASGI app"),
        ("needy:app", "No module named 'nowhere_to_be_found' (needy.py, line 1). To see the whole: asgi-tiktok dev"),
        ("angry:app", "angry cannot be imported: ValueError: no way (angry.py, line 2). To see"),
        ("torn:app", "torn cannot be imported: SyntaxError: '(' was never closed (torn.py, line 1). To see"),
    ],
)
def test_an_app_that_cannot_be_had(
    modules: Path, target: str, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("asgi_tiktok.commands.import_string.ask", lambda target, environ: examine(target))
    with pytest.raises(ConfigurationError) as refused:
        check_target(target, {})
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    if "cannot be imported" in sentence:
        capsys.readouterr()
        with pytest.raises(ConfigurationError):
            check_target(target, {}, whole=True)
        assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["other:application", "other:make", "src.web:application"])
def test_an_app_that_can_be_served(modules: Path, target: str) -> None:
    assert examine(target) == {}


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("mian:app", "asgi-tiktok: There is no module 'mian' here; did you mean main:app?"),
        ("angry:app", "asgi-tiktok: angry cannot be imported: ValueError: no way (angry.py, line 2). To see the"),
        ("gone:app", "asgi-tiktok: Importing gone:app ended the process with status 7; try: python -c"),
    ],
)
def test_the_command_starts_nothing_then(modules: Path, target: str, sentence: str) -> None:
    command = [sys.executable, "-m", "asgi_tiktok", "dev", target, "--port", "0", "--emulator-port", "0"]
    ended = subprocess.run(command, cwd=modules, capture_output=True, text=True, timeout=30)

    assert ended.returncode == 2
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert line.startswith(sentence)
    assert not (modules / ".asgi-tiktok").exists()


def test_an_import_that_does_not_end(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (modules / "slow.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr("asgi_tiktok.commands.import_string.PATIENCE", 1)
    with pytest.raises(ConfigurationError, match=r"slow:app was not imported within 1 seconds"):
        check_target("slow:app", {})
