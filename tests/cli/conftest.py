from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from asgi_tiktok.environment import VARIABLES
from tests.support.processes import Start, starting
from tests.support.waiting import TIMEOUT

from .app_source import APP


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the variables that the commands read, because the developer who runs the tests may have set them."""
    others = ("WEB_CONCURRENCY", "UVICORN_WORKERS", "UVICORN_ROOT_PATH", "GUNICORN_CMD_ARGS", "FORWARDED_ALLOW_IPS")
    for variable in (*VARIABLES, *others):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which holds an app."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.py").write_text(APP)
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """A function that starts `asgi-tiktok` in the folder."""
    with starting(folder) as start:
        yield start


@pytest.fixture
def visitor() -> Iterator[httpx2.Client]:
    with httpx2.Client(follow_redirects=True, timeout=TIMEOUT) as client:
        yield client
