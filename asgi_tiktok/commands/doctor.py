"""asgi-tiktok doctor: check the settings and the environment, and report each problem with its fix."""

import argparse
import asyncio
import json
import os
import platform
import sys

from asgi_tiktok import __version__
from asgi_tiktok.commands.checks import check_all
from asgi_tiktok.commands.checks.finding import ok
from asgi_tiktok.commands.parser import Commands

MARKS = {"ok": "✓", "warning": "!", "error": "✗"}
PLAIN = str.maketrans({"✓": "+", "✗": "x", "—": "-", "…": "..."})


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
    findings = [versions, *asyncio.run(check_all(os.environ, offline=arguments.offline))]
    statuses = [finding.status for finding in findings]
    if arguments.json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        for name, status, found, fix in findings:
            show(f"{MARKS[status]} {name}: {found}" + (f" — {fix}" if fix else ""))
        summary = f"{plural(statuses.count('error'), 'error')}, {plural(statuses.count('warning'), 'warning')}."
        print(f"\n{summary.capitalize()}")
    return int("error" in statuses)


def plural(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}" + ("" if count == 1 else "s")


def show(line: str) -> None:
    """Print the line, also on a terminal that supports only ASCII."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        line = line.translate(PLAIN).encode(encoding, "replace").decode(encoding)
    print(line)
