"""The result of one check."""

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """One line of the doctor's report. It must never hold a secret."""

    name: str
    status: Literal["ok", "warning", "error"]
    found: str
    fix: str | None = None


def ok(name: str, found: str, fix: str | None = None) -> Finding:
    return Finding(name, "ok", found, fix)


def warning(name: str, found: str, fix: str) -> Finding:
    return Finding(name, "warning", found, fix)


def error(name: str, found: str, fix: str) -> Finding:
    return Finding(name, "error", found, fix)
