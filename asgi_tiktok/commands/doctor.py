"""asgi-tiktok doctor: check the settings and the environment, and report each problem with its fix."""

import argparse
import asyncio
import json
import os
import platform
from collections.abc import Iterator

from asgi_tiktok import __version__
from asgi_tiktok.commands.checks import check_all
from asgi_tiktok.commands.checks.finding import Finding, ok, warning
from asgi_tiktok.commands.dev_state import running_dev
from asgi_tiktok.commands.lifecycle import interruptible
from asgi_tiktok.commands.output import write
from asgi_tiktok.commands.parser import Commands
from asgi_tiktok.environment import VARIABLES

MARKS = {"ok": "✓", "warning": "!", "error": "✗"}


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "doctor",
        help="check the settings and the environment, and report how to fix them",
        description="Checks the TIKTOK_* settings, the store, the clock, and whether TikTok can be reached and "
        "accepts the client key and secret. It shows no secret. The exit status is 1 if there is an error.",
    )
    parser.add_argument(
        "--json", action="store_true", help="print a list of objects with name, status, found and fix"
    )
    parser.add_argument("--offline", action="store_true", help="send no request to TikTok")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; return 1 if one of them is an error."""
    versions = ok("versions", f"asgi-tiktok {__version__}, Python {platform.python_version()}")
    with interruptible():
        findings = [versions, *about_dev(), *asyncio.run(check_all(os.environ, offline=arguments.offline))]
    statuses = [finding.status for finding in findings]
    if arguments.json:
        write(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        for name, status, found, fix in findings:
            write(f"{MARKS[status]} {name}: {found}" + (f" — {fix}" if fix else ""))
        summary = f"{plural(statuses.count('error'), 'error')}, {plural(statuses.count('warning'), 'warning')}."
        write(f"\n{summary.capitalize()}")
    return int("error" in statuses)


def about_dev() -> Iterator[Finding]:
    """Yield why the settings are missing here, if they are, and an app that runs in another terminal has them."""
    running = running_dev()
    if running is None or any(variable in os.environ for variable in VARIABLES):
        return
    app, url = running
    yield warning(
        "asgi-tiktok dev",
        f"it runs {app} at {url} with settings of its own, which this terminal does not have",
        "The errors below are not about that app, whose settings dev has checked. To have settings here too, run "
        "asgi-tiktok emulator, and set the variables that it prints.",
    )


def plural(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}" + ("" if count == 1 else "s")
