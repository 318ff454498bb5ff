"""The example for Node.js signs in with Auth.js at the emulator."""

import shutil
import subprocess
from pathlib import Path

import pytest

from asgi_tiktok.demo import serve_emulator
from asgi_tiktok.emulator import CAST
from tests.support.form_browser import FormBrowser
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.requirements import skip_or_fail

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "node"
INSTALL_TIMEOUT = 600  # seconds


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example with its packages."""
    if shutil.which("npm") is None:
        skip_or_fail("npm is not installed", "install it with: apt-get install nodejs npm (version 20)")
    folder = tmp_path / "node"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules"))
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.soak
def test_node_example_signs_in_on_localhost(example: Path) -> None:
    port = free_port()
    browser = FormBrowser()
    with (
        serve_emulator(port=0, config=example / "emulator.toml") as tiktok,
        Process(example, ["node", "server.mjs"], PORT=str(port), TIKTOK_BASE_URL=tiktok.url) as server,
    ):
        server.wait_until(lambda: "Open http://localhost:" in server.output)
        home = f"http://localhost:{port}/"
        assert ">Sign in</a>" in browser.open(home).text
        consent = browser.submit(browser.open(f"{home}auth/signin?callbackUrl={home}"))
        assert "Choose who signs in" in consent.text
        browser.submit(consent, decision="approve", person=CAST[1].open_id)
        assert f"Hello, {CAST[1].display_name}!" in browser.open(home).text
        exchanges = tiktok.emulator.emulator.exchanges
        assert [exchange.error for exchange in exchanges if exchange.error] == []
    browser.close()
