"""The result of one check."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report. It must never hold a secret."""

    name: str
    status: Status
    found: str
    cure: str | None = None


def ok(name: str, found: str, cure: str | None = None) -> Finding:
    return Finding(name, "ok", found, cure)


def warning(name: str, found: str, cure: str) -> Finding:
    return Finding(name, "warning", found, cure)


def error(name: str, found: str, cure: str) -> Finding:
    return Finding(name, "error", found, cure)
