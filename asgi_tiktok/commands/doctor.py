"""asgi-tiktok doctor: check the settings and the environment, and report each problem with its fix."""

import argparse
import asyncio
import json
import os
import platform
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from asgi_tiktok import __version__
from asgi_tiktok.commands.checks import Finding, check_all
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
        "--json", action="store_true", help="print a list of objects with name, status, found and cure"
    )
    parser.add_argument("--offline", action="store_true", help="send no request to TikTok")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; return 1 if one of them is an error."""
    versions = ok("versions", f"asgi-tiktok {__version__}, Python {platform.python_version()}")
    findings = [versions, *asyncio.run(check_all(os.environ, offline=arguments.offline))]
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        show(report(findings))
    return int(any(finding.status == "error" for finding in findings))


def report(findings: Sequence[Finding]) -> str:
    lines = []
    for finding in findings:
        cure = f" — {finding.cure}" if finding.cure else ""
        lines.append(f"{MARKS[finding.status]} {finding.name}: {finding.found}{cure}")
    return "\n".join([*lines, "", summary(findings)])


def summary(findings: Sequence[Finding]) -> str:
    count = Counter(finding.status for finding in findings)
    return f"{plural(count['error'], 'error')}, {plural(count['warning'], 'warning')}.".capitalize()


def plural(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}" + ("" if count == 1 else "s")


def show(text: str) -> None:
    """Print the text, also on a terminal that supports only ASCII."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(PLAIN).encode(encoding, "replace").decode(encoding)
    print(text)
