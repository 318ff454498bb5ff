"""Every framework, in every install, under every server; and the table of what passed."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import product

import pytest

from asgi_tiktok.emulator import Emulator, RunningEmulator, run_emulator
from asgi_tiktok.emulator.apps import DEFAULT_APP
from tests.support.http_browser import HTTPBrowser
from tests.support.results import results_table
from tests.support.servers import COMMANDS, FrameworkServer, run_server
from tests.support.sites import FRAMEWORKS, INSTALLS, PREFIX

CELLS = list(product(FRAMEWORKS, INSTALLS, COMMANDS))


@pytest.fixture(scope="session")
def tiktok_there() -> Iterator[RunningEmulator]:
    mounted = f"http://localhost:*{PREFIX}/auth/tiktok/callback"
    app = replace(DEFAULT_APP, redirect_uris=(*DEFAULT_APP.redirect_uris, mounted))
    with run_emulator(Emulator([app])) as running:
        yield running


@pytest.fixture(scope="session")
def servers(
    tiktok_there: RunningEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, FrameworkServer]]:
    with ExitStack() as stack:
        yield {
            kind: stack.enter_context(run_server(kind, tmp_path_factory.mktemp(kind), tiktok_there.url))
            for kind in COMMANDS
        }


@pytest.fixture(params=CELLS, ids="-".join)
def browser(
    request: pytest.FixtureRequest, servers: dict[str, FrameworkServer], tiktok_there: RunningEmulator
) -> Iterator[HTTPBrowser]:
    """Somebody who has not signed in, at one framework in one install under one server."""
    framework, install, kind = request.param
    request.node.user_properties.append(("cell", request.param))
    prefix = PREFIX if install == "mounted" else ""
    site = f"{framework}-{install}"
    browser = HTTPBrowser(servers[kind].origin, site, tiktok_there.emulator, prefix=prefix, cell=(framework, kind))
    with browser.client:
        yield browser


@pytest.fixture(params=COMMANDS)
def proxied(
    request: pytest.FixtureRequest, tiktok_there: RunningEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HTTPBrowser]:
    """Somebody before a proxy that takes a prefix off, which the server was told as its root_path."""
    folder = tmp_path_factory.mktemp(request.param)
    with run_server(request.param, folder, tiktok_there.url, PREFIX) as server:
        browser = HTTPBrowser(server.origin, "starlette-native", tiktok_there.emulator, prefix=PREFIX, proxied=True)
        with browser.client:
            yield browser


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    passed: dict[tuple[str, ...], int] = {}
    for report in terminalreporter.stats.get("passed", []):
        for name, cell in getattr(report, "user_properties", []):
            if name == "cell" and report.when == "call":
                passed[tuple(cell)] = passed.get(tuple(cell), 0) + 1
    if passed:
        terminalreporter.section("frameworks, installs and servers: behaviours that passed")
        terminalreporter.write_line(results_table(passed))
