"""For every incident of a comparable project there is a test in this repository."""

import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import pytest

import asgi_tiktok
from asgi_tiktok import TikTokUser, Token
from tests.support.incidents import ELSEWHERE, INCIDENTS

ROOT = Path(__file__).parents[2]
PACKAGE = Path(asgi_tiktok.__file__).parent
TOOLS = {"commands", "demo", "emulator", "testing"}
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in TOOLS)
NAMED = {**INCIDENTS, **ELSEWHERE}
NUMBERS = [*range(1, 25), *range(30, 41), *range(50, 62), *range(70, 80), *range(80, 95)]


@pytest.fixture(scope="module")
def nodes(request: pytest.FixtureRequest) -> set[str]:
    """The names of all tests of this run, and of the tests in the other files that the tables name."""
    named = {node for nodes in NAMED.values() for node in nodes}
    in_this_run = with_functions(item.nodeid for item in request.session.items)
    files = sorted({node.partition("::")[0] for node in named - in_this_run})
    if not files:
        return in_this_run
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    collected = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return in_this_run | with_functions(line for line in collected.splitlines() if "::" in line)


def with_functions(tests: Iterable[str]) -> set[str]:
    """Return the names of the tests, and of their functions without parameters."""
    return {name for test in tests for name in (test, test.partition("[")[0])}


def test_every_incident_has_an_entry() -> None:
    assert list(INCIDENTS) == [f"C-{number:02}" for number in NUMBERS]


@pytest.mark.parametrize("row", NAMED, ids="tests of {}".format)
def test_named_tests_exist(nodes: set[str], row: str) -> None:
    assert NAMED[row]
    assert set(NAMED[row]) <= nodes


def test_no_code_reads_an_address_made_from_the_host_header() -> None:
    """Starlette makes `request.url` and `request.base_url` from the Host header (C-70)."""
    assert len(SOURCES) > 30
    # The requests in these files go to TikTok.
    sources = [
        source for source in SOURCES if source.name not in ("api_client.py", "private_network.py", "telemetry.py")
    ]
    assert find_lines(sources, r"\b(request|connection|websocket)\.(base_)?url\b|\burl_for\(") == []


def test_no_code_handles_an_email_address() -> None:
    """Therefore no rule can depend on one (C-21)."""
    assert not [field.name for kind in (TikTokUser, Token) for field in fields(kind) if "mail" in field.name]
    # The folder mistakes/ contains the word, because it tells developers that `user.email` does not exist.
    sources = [source for source in SOURCES if source.parent.name != "mistakes"]
    assert find_lines(sources, r"e_mail|(?<!from )email") == []


def find_lines(files: Iterable[Path], pattern: str) -> list[str]:
    lines = ((file.name, line) for file in files for line in file.read_text().splitlines())
    return [f"{name}: {line.strip()}" for name, line in lines if re.search(pattern, line, re.IGNORECASE)]
