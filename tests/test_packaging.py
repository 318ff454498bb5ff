"""The requirements of the package in pyproject.toml, and the oldest versions with which CI tests it."""

import re
import tomllib
from pathlib import Path

import asgi_tiktok

ROOT = Path(__file__).parent.parent
OLDEST = ROOT / "tests" / "frameworks" / "oldest.txt"
REQUIREMENT = re.compile(r"(?P<name>[a-z0-9-]+)>=(?P<minimum>[0-9.]+)(?:,<(?P<maximum>[0-9.]+))?")
PIN = re.compile(r"([a-z0-9-]+)==([0-9.]+)")


def runtime_requirements() -> dict[str, tuple[str, str | None]]:
    """Return the minimum and the maximum version of each runtime dependency by name."""
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    requirements: dict[str, tuple[str, str | None]] = {}
    for dependency in dependencies:
        parts = REQUIREMENT.fullmatch(dependency)
        assert parts, f"{dependency!r} has no minimum version, or another form than name>=minimum,<maximum"
        requirements[parts["name"]] = (parts["minimum"], parts["maximum"])
    return requirements


def parse_version(version: str) -> tuple[int, ...]:
    """Return the numbers of a version without the zeros at its end, because 1.9 and 1.9.0 are the same version."""
    return tuple(map(int, re.sub(r"(\.0)+$", "", version).split(".")))


def test_oldest_txt_pins_each_runtime_dependency_at_its_minimum() -> None:
    pins = [line for line in OLDEST.read_text().splitlines() if PIN.fullmatch(line)]
    pinned = {name: parse_version(version) for name, version in (pin.split("==") for pin in pins)}
    minimums = {name: parse_version(minimum) for name, (minimum, _) in runtime_requirements().items()}

    assert len(pins) == len(pinned)
    assert minimums.keys() == {"starlette", "authlib", "httpx2", "itsdangerous", "cryptography"}
    assert {name: pinned.get(name) for name in minimums} == minimums


def test_newest_entry_of_the_changelog_is_the_version() -> None:
    entry = re.search(
        r"^## (\S+), (unreleased|\d{4}-\d\d-\d\d)$", ROOT.joinpath("CHANGELOG.md").read_text(), re.MULTILINE
    )

    assert entry is not None
    assert entry[1] == asgi_tiktok.__version__


def test_httpx2_stays_below_version_3() -> None:
    assert runtime_requirements()["httpx2"] == ("2.0", "3")
