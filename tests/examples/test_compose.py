"""The containers of examples/compose, run as processes with the same commands and variables."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml  # type: ignore[import-untyped]  # it has no types

from asgi_tiktok.emulator import CAST
from tests.support.form_browser import FormBrowser
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.waiting import TIMEOUT

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "compose"
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


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The address of the app, which runs beside its emulator on free ports, and without Redis."""
    app_port, emulator_port = str(free_port()), str(free_port())

    def here(text: str) -> str:
        return (
            text.replace("8000", app_port).replace("8700", emulator_port).replace("redis://redis:6379/0", "memory://")
        )

    with ExitStack() as stack:
        for name, port in (("emulator", emulator_port), ("app", app_port)):
            folder = tmp_path / name
            shutil.copytree(EXAMPLE, folder)
            (folder / "emulator.toml").write_text(here((EXAMPLE / "emulator.toml").read_text()))
            command = here(SERVICES[name]["command"]).split()
            command = [sys.executable, "-m", command[0].replace("-", "_"), *command[1:]]
            variables = {key: here(value) for key, value in SERVICES[name].get("environment", {}).items()}
            process = stack.enter_context(Process(folder, command, **{**os.environ, **variables}))
            process.wait_until_listening(int(port))
        yield f"http://localhost:{app_port}/"


def test_app_and_emulator_in_containers_sign_in(site: str) -> None:
    browser = FormBrowser()
    browser.client = httpx2.Client(
        transport=LocalhostNames(), follow_redirects=True, headers={"Accept": "text/html"}, timeout=TIMEOUT
    )
    consent = browser.open(f"{site}auth/tiktok/login")
    assert consent.url.host == "tiktok.localhost"
    browser.submit(consent, decision="approve")
    assert f"Hello, {CAST[0].display_name}!" in browser.open(site).text
    browser.close()


def test_ports_are_published_to_this_machine_only() -> None:
    assert {port.rpartition(":")[0] for service in SERVICES.values() for port in service.get("ports", ())} == {
        "127.0.0.1:8000",
        "127.0.0.1:8700",
    }


def test_image_contains_what_the_commands_need() -> None:
    copied = [
        source
        for line in (EXAMPLE / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ")
        for source in line.split()[1:-1]
    ]
    assert all((EXAMPLE.parent.parent / source).exists() for source in copied)
    assert {"examples/compose/main.py", "examples/compose/emulator.toml"} <= set(copied)
