import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from asgi_tiktok.emulator import CAST, Emulator, RunningEmulator, run_emulator
from asgi_tiktok.emulator.world.knobs import WebPKCE
from tests.support.npm import install_packages
from tests.support.requirements import require_program, skip_or_fail

from .app import APP, BASIC, WEB, Drive

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SIGN_IN_TIMEOUT = 300  # seconds


@pytest.fixture
def web_pkce() -> WebPKCE:
    """Whether TikTok verifies the challenge on the Web platform; a test can override it."""
    return "ignore"


@pytest.fixture
def emulator(web_pkce: WebPKCE) -> Emulator:
    return Emulator(apps=[APP], web_pkce=web_pkce)


@pytest.fixture
def running(emulator: Emulator) -> Iterator[RunningEmulator]:
    with run_emulator(emulator) as running:
        yield running


@pytest.fixture(scope="session")
def npm_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the drivers and the packages of package-lock.json."""
    require_program("node", "nodejs")
    folder = tmp_path_factory.mktemp("npm")
    for source in HERE.glob("*.mjs"):
        shutil.copy(source, folder)
    install_packages(HERE, folder)
    return folder


@pytest.fixture
def drive(running: RunningEmulator, request: pytest.FixtureRequest) -> Drive:
    """A function that runs a driver, which signs in with the client of another project, and returns its result."""

    def run(driver: str, *, redirect_uri: str = WEB, scopes: tuple[str, ...] = BASIC, **more: Any) -> dict[str, Any]:
        if driver.endswith(".mjs"):
            command = ["node", str(request.getfixturevalue("npm_packages") / driver)]
        else:
            if find_spec("allauth") is None:
                skip_or_fail("django-allauth is not installed", "install it with: pip install 'asgi-tiktok[dev]'")
            command = [sys.executable, "-m", f"tests.interop.{driver}"]
        task = {
            "emulator": running.url,
            "client_key": APP.client_key,
            "client_secret": APP.client_secret,
            "redirect_uri": redirect_uri,
            "person": CAST[2].open_id,
            "scopes": scopes,
            "ticked": scopes,
            **more,
        }
        done = subprocess.run(
            command, input=json.dumps(task), cwd=ROOT, capture_output=True, text=True, timeout=SIGN_IN_TIMEOUT
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    return run
