import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from asgi_tiktok.emulator import CAST, App, Emulator, RunningEmulator, run_emulator
from asgi_tiktok.emulator.knobs import WebPKCE

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SIGN_IN_TIMEOUT = 60  # seconds
INSTALL_TIMEOUT = 240  # seconds
BASIC = ("user.info.basic",)
WEB = "https://testserver/callback"
DESKTOP = "http://localhost:8000/callback"
APP = App(
    "awinteropclientkey",
    "interop-client-secret-opens-nothing",
    redirect_uris=(
        WEB,
        "https://testserver/auth/callback/tiktok",
        "https://testserver/accounts/tiktok/login/callback/",
        "http://localhost:*/callback",
        "http://localhost:*/auth/callback/tiktok",
        "http://localhost:*/accounts/tiktok/login/callback/",
    ),
)

Drive = Callable[..., dict[str, Any]]


@pytest.fixture
def web_pkce() -> WebPKCE:
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
    for command in ("node", "npm"):
        if shutil.which(command) is None:
            missing(f"{command} is not installed: apt-get install nodejs npm, version 20 or newer.")
    folder = tmp_path_factory.mktemp("npm")
    for source in [*HERE.glob("*.mjs"), *HERE.glob("package*.json")]:
        shutil.copy(source, folder)
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT)
    assert done.returncode == 0, done.stderr
    return folder


def missing(message: str) -> None:
    if "CI" in os.environ:
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def drive(running: RunningEmulator, request: pytest.FixtureRequest) -> Drive:
    """A function that runs a driver and returns its result. A driver signs in with the client of another project."""

    def run(driver: str, *, redirect_uri: str = WEB, scopes: tuple[str, ...] = BASIC, **more: Any) -> dict[str, Any]:
        if driver.endswith(".mjs"):
            command = ["node", str(request.getfixturevalue("npm_packages") / driver)]
        else:
            if find_spec("allauth") is None:
                missing("django-allauth is not installed: pip install 'asgi-tiktok[dev]'")
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
