import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asgi_tiktok.commands import main
from asgi_tiktok.commands.import_probe import probe
from asgi_tiktok.commands.import_string import check_app
from asgi_tiktok.errors import ConfigurationError
from tests.support.waiting import TIMEOUT

OTHER = """\
async def application(scope, receive, send): ...
async def handler(request): ...
def make(): ...
def wsgi(environ, start_response): ...
class Nothing: ...
number = 3
"""


@pytest.fixture
def modules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with apps that can be served, and with some that cannot."""
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
        ("main", "'main' does not name an app; write the module, a colon and the name of the app: main:app"),
        ("./main.py", "the name of the app: main:app"),
        ("src/web.py:application", "the name of the app: src.web:application"),
        ("main.py:app", "the name of the app: main:app"),
        (":app", "the name of the app: main:app"),
        ("1+1:app", "the name of the app: main:app"),
    ],
)
def test_invalid_import_string_is_refused(
    folder: Path, target: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dev", target]) == 2
    captured = capsys.readouterr()
    [line] = captured.err.splitlines()
    assert line.endswith(sentence)
    assert captured.out == ""


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("mian:app", "There is no module 'mian' in this folder; did you mean main:app?"),
        ("web:application", "There is no module 'web' in this folder; did you mean src.web:application?"),
        (
            "unheard_of:app",
            "run this command in the folder of the module, or name its package, as in package.main:app.",
        ),
        ("other:app", "other has no 'app'; did you mean other:application?"),
        ("other:number", "other:number is of type int, not an ASGI app; name the app itself"),
        ("other:make", "other:make is a factory, not an ASGI app; add --factory"),
        ("other:wsgi", "other:wsgi is a WSGI app, not an ASGI app; wrap it, as in app = WsgiToAsgi(app)"),
        ("other:Nothing", "other:Nothing is of type type, not an ASGI app"),
        ("other:handler", "other:handler is of type function, not an ASGI app"),
        (
            "needy:app",
            "No module named 'nowhere_to_be_found' (needy.py, line 1). To see the traceback: asgi-tiktok",
        ),
        ("angry:app", "angry cannot be imported: ValueError: no way (angry.py, line 2). To see"),
        ("torn:app", "torn cannot be imported: SyntaxError: '(' was never closed (torn.py, line 1). To see"),
    ],
)
def test_app_that_cannot_be_served_is_refused(
    modules: Path, target: str, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("asgi_tiktok.commands.import_string.run_probe", lambda target, environ: probe(target))
    with pytest.raises(ConfigurationError) as refused:
        check_app(target, {})
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    if "cannot be imported" in sentence:
        capsys.readouterr()
        with pytest.raises(ConfigurationError):
            check_app(target, {}, traceback=True)
        assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["other:application", "src.web:application"])
def test_app_that_can_be_served_is_accepted(modules: Path, target: str) -> None:
    assert probe(target) == {}


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("mian:app", "asgi-tiktok: There is no module 'mian' in this folder; did you mean main:app?"),
        ("angry:app", "asgi-tiktok: angry cannot be imported: ValueError: no way (angry.py, line 2). To see the"),
        ("gone:app", "asgi-tiktok: The import of gone:app ended the process with status 7; try: python -c"),
    ],
)
def test_nothing_is_started_for_an_app_that_cannot_be_served(modules: Path, target: str, sentence: str) -> None:
    command = [sys.executable, "-m", "asgi_tiktok", "dev", target, "--port", "0", "--emulator-port", "0"]
    ended = subprocess.run(command, cwd=modules, capture_output=True, text=True, timeout=TIMEOUT)

    assert ended.returncode == 2
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert line.startswith(sentence)
    assert not (modules / ".asgi-tiktok").exists()


def test_file_that_hides_a_module_of_python_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (folder / "string.py").write_text("app = None\n")
    assert main(["dev", "string:app"]) == 2
    assert capsys.readouterr().err == ("asgi-tiktok: string.py hides Python's own module string; rename the file.\n")


def test_slow_import_is_refused(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (modules / "slow.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr("asgi_tiktok.commands.import_string.IMPORT_TIMEOUT", 1)
    with pytest.raises(ConfigurationError, match=r"The import of slow:app took longer than 1 seconds"):
        check_app("slow:app", os.environ)
