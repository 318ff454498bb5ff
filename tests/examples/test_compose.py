"""The containers of examples/compose, run as processes with the same commands and variables."""

import os
import shutil
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml  # type: ignore[import-untyped]  # it has no types

from asgi_tiktok.emulator import CAST
from tests.support.form_browser import FormBrowser
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.redis_servers import RedisServer, redis_servers
from tests.support.waiting import TIMEOUT

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "compose"
SERVICES: dict[str, Any] = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())["services"]


class LocalhostNames(httpx2.HTTPTransport):
    """Knows that names in .localhost are this machine, as browsers do."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host.endswith(".localhost"):
            url = request.url.copy_with(host="127.0.0.1")
            headers, stream = request.headers, request.stream
            request = httpx2.Request(
                request.method, url, headers=headers, stream=stream, extensions=request.extensions
            )
        return super().handle_request(request)


class Services:
    """The services on free ports of this machine. Redis keeps running between two runs of the others."""

    def __init__(self, folder: Path, redis: RedisServer) -> None:
        self.folder = folder
        self.ports = {"8000": str(free_port()), "8700": str(free_port())}
        self.redis = redis

    @property
    def site(self) -> str:
        return f"http://localhost:{self.ports['8000']}/"

    def here(self, text: str) -> str:
        for port, free in self.ports.items():
            text = text.replace(port, free)
        return text.replace("redis://redis:6379/0", self.redis.url)

    @contextmanager
    def running(self) -> Iterator[None]:
        with ExitStack() as stack:
            for name, port in (("emulator", "8700"), ("app", "8000")):
                folder = self.folder / name
                shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
                (folder / "emulator.toml").write_text(self.here((EXAMPLE / "emulator.toml").read_text()))
                command = self.here(SERVICES[name]["command"]).split()
                command = [sys.executable, "-m", command[0].replace("-", "_"), *command[1:]]
                variables = {key: self.here(value) for key, value in SERVICES[name].get("environment", {}).items()}
                process = stack.enter_context(Process(folder, command, **{**os.environ, **variables}))
                process.wait_until_listening(int(self.ports[port]))
            yield


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with redis_servers(tmp_path) as start:
        yield Services(tmp_path, start())


@pytest.fixture
def browser() -> Iterator[FormBrowser]:
    browser = FormBrowser()
    browser.client = httpx2.Client(
        transport=LocalhostNames(), follow_redirects=True, headers={"Accept": "text/html"}, timeout=TIMEOUT
    )
    yield browser
    browser.close()


@pytest.mark.soak
def test_session_is_in_redis_and_survives_a_restart_of_app_and_emulator(
    services: Services, browser: FormBrowser
) -> None:
    with services.running():
        consent = browser.open(f"{services.site}auth/tiktok/login")
        assert consent.url.host == "tiktok.localhost"
        browser.submit(consent, decision="approve")
        assert f"Hello, {CAST[0].display_name}!" in browser.open(services.site).text
    with services.running():
        assert f"Hello, {CAST[0].display_name}!" in browser.open(services.site).text


def test_ports_are_published_to_this_machine_only() -> None:
    assert {port.rpartition(":")[0] for service in SERVICES.values() for port in service.get("ports", ())} == {
        "127.0.0.1:8000",
        "127.0.0.1:8700",
    }


def test_image_contains_what_is_installed_and_what_the_commands_need() -> None:
    copied = {
        source
        for line in (EXAMPLE / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ")
        for source in line.split()[1:-1]
    }
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    project = pyproject["project"]
    assert copied >= {"pyproject.toml", *packages, project["readme"], *project["license-files"]}
    assert copied >= {"examples/compose/main.py", "examples/compose/emulator.toml"}
    assert all((ROOT / source).exists() for source in copied)
