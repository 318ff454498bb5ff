"""Every framework in every install under every server, and the table of the behaviors that passed."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import product

import pytest

from asgi_tiktok.emulator import DEFAULT_APP, Emulator, RunningEmulator, run_emulator
from tests.support.http_browser import HTTPBrowser
from tests.support.results import results_table
from tests.support.servers import COMMANDS, run_server
from tests.support.sites import FRAMEWORKS, INSTALLS, PREFIX

CELLS = list(product(FRAMEWORKS, INSTALLS, COMMANDS))


@pytest.fixture(scope="session")
def shared_emulator() -> Iterator[RunningEmulator]:
    mounted = f"http://localhost:*{PREFIX}/auth/tiktok/callback"
    app = replace(DEFAULT_APP, redirect_uris=(*DEFAULT_APP.redirect_uris, mounted))
    with run_emulator(Emulator([app])) as running:
        yield running


@pytest.fixture(scope="session")
def servers(shared_emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        yield {
            kind: stack.enter_context(run_server(kind, tmp_path_factory.mktemp(kind), shared_emulator.url))
            for kind in COMMANDS
        }


@pytest.fixture(params=CELLS, ids="-".join)
def browser(
    request: pytest.FixtureRequest, servers: dict[str, str], shared_emulator: RunningEmulator
) -> Iterator[HTTPBrowser]:
    """A browser without cookies, at one framework in one install under one server."""
    framework, install, kind = request.param
    request.node.user_properties.append(("cell", request.param))
    prefix = PREFIX if install == "mounted" else ""
    site = f"{framework}-{install}"
    browser = HTTPBrowser(servers[kind], site, shared_emulator.emulator, prefix=prefix, cell=(framework, kind))
    with browser.client:
        yield browser


@pytest.fixture(params=COMMANDS)
def proxied(
    request: pytest.FixtureRequest, shared_emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HTTPBrowser]:
    """A browser in front of a proxy that removes a prefix. The server got the prefix as its `root_path`."""
    folder = tmp_path_factory.mktemp(request.param)
    with run_server(request.param, folder, shared_emulator.url, PREFIX) as origin:
        browser = HTTPBrowser(origin, "starlette-native", shared_emulator.emulator, prefix=PREFIX, proxied=True)
        with browser.client:
            yield browser


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    passed: dict[tuple[str, ...], int] = {}
    for report in terminalreporter.stats.get("passed", []):
        for name, cell in getattr(report, "user_properties", []):
            if name == "cell" and report.when == "call":
                passed[tuple(cell)] = passed.get(tuple(cell), 0) + 1
    if passed:
        terminalreporter.section("frameworks, installs and servers: behaviors that passed")
        terminalreporter.write_line(results_table(passed))
