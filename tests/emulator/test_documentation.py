"""docs/emulator.md lists what the emulator has."""

import re
from dataclasses import fields
from html import unescape
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

from asgi_tiktok.emulator import CAST, Emulator, Knobs
from asgi_tiktok.emulator.inspector.tabs import TABS
from asgi_tiktok.emulator.world.faults import KINDS

PAGE = Path(__file__).parents[2].joinpath("docs/emulator.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading."""
    [section] = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    [_, _, *lines] = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def code(value: object) -> str:
    """Return a value as in TOML."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def described(kind: object, default: object) -> str:
    """Return the values of a knob, the default first."""
    if kind is bool:
        return f"{code(default)}, {code(not default)}"
    if kind is int:
        return f"seconds, {code(default)}"
    if get_origin(kind) is Literal:
        return ", ".join(map(code, sorted(get_args(kind), key=lambda value: value != default)))
    return "not set"


def test_every_knob_is_listed_with_its_values() -> None:
    kinds = get_type_hints(Knobs)
    expected = [[f"`{field.name}`", described(kinds[field.name], field.default)] for field in fields(Knobs)]
    assert [row[:2] for row in rows("Knobs")] == expected


def test_every_tab_person_and_fault_is_listed() -> None:
    assert [row[0] for row in rows("The inspector")] == [name.capitalize() for name in TABS]
    assert [unescape(row[0]) for row in rows("People")] == [person.display_name for person in CAST]
    assert [kind for row in rows("Faults") for kind in re.findall("`(.+?)`", row[0])] == [*KINDS]


def test_config_file_of_the_page_works(tmp_path: Path) -> None:
    [config] = re.findall(r"```toml title=\"people.toml\"\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "people.toml"
    path.write_text(config)

    emulator = Emulator.from_config(path)
    assert ([*emulator.people], [*emulator.apps]) == (["ada"], ["sbmykey"])
    assert (emulator.knobs.lifetimes, emulator.knobs.code_ttl) == ("legacy", 60)
