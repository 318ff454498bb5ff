"""asgi-tiktok doctor: what is wrong with settings and environment, and what to do about it."""

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
        help="check settings and environment, and say what to do",
        description="Checks the TIKTOK_* settings, the store, the clock, and whether TikTok is reached and takes key "
        "and secret. No secret is shown. The status is 1 when something cannot work.",
    )
    parser.add_argument("--json", action="store_true", help="a list of objects with name, status, found and cure")
    parser.add_argument("--offline", action="store_true", help="ask nothing of TikTok")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; 1 when one of them is an error."""
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
    """Print, also where the terminal knows ASCII alone."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(PLAIN).encode(encoding, "replace").decode(encoding)
    print(text)
