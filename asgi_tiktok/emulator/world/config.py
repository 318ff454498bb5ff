"""The emulator's config file: apps, people and knobs in TOML."""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_type_hints

from asgi_tiktok.emulator.world.apps import App
from asgi_tiktok.emulator.world.knobs import KnobChanges, Knobs
from asgi_tiktok.emulator.world.people import Person
from asgi_tiktok.emulator.world.suggestions import suggestion

__all__ = ["Config", "ConfigError", "read_config"]

T = TypeVar("T", App, Person)

TABLES = ("apps", "people", "knobs")
EXAMPLES = {
    "open_id": "ada",
    "display_name": "Ada",
    "client_key": "sbmykey",
    "client_secret": "opens-nothing",
    "redirect_uris": ["http://localhost:*/auth/tiktok/callback"],
}
TYPES: dict[object, tuple[type[Any], str]] = {
    str: (str, "a text in quotes"),
    int: (int, "a whole number"),
    bool: (bool, "true or false"),
    tuple[str, ...]: (list, "a list of texts"),
}


class ConfigError(ValueError):
    """A config file cannot be used; the text names the file, the place and the cure."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a file says; what it leaves out is empty."""

    apps: tuple[App, ...]
    people: tuple[Person, ...]
    knobs: KnobChanges


def read_config(path: Path) -> Config:
    """The config in a TOML file, or ConfigError."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}; give the path of a TOML file.") from exc
    except ValueError as exc:
        raise ConfigError(f"{path} is not TOML: {exc}; correct it there.") from exc
    for name in tables:
        if name not in TABLES:
            raise ConfigError(f"{path}: there is no table {name}; {suggestion(name, TABLES)}")
    apps = tuple(
        build(App, f"{path}: [[apps]] number {number}", table)
        for number, table in enumerate(table_list(path, tables, "apps"), 1)
    )
    people = tuple(
        build(Person, f"{path}: [[people]] number {number}", table)
        for number, table in enumerate(table_list(path, tables, "people"), 1)
    )
    check_unique(path, "apps", "client_key", [app.client_key for app in apps])
    check_unique(path, "people", "open_id", [person.open_id for person in people])
    return Config(apps, people, parse_knobs(path, tables.get("knobs", {})))


def table_list(path: Path, tables: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = tables.get(name, [])
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        raise ConfigError(f"{path}: {name} is not a list of tables; write [[{name}]] above each.")
    return value


def build(kind: type[T], context: str, table: Mapping[str, Any]) -> T:
    """The app or the person of one table."""
    known = {field.name: field for field in dataclasses.fields(kind) if field.init}
    hints = get_type_hints(kind)
    for name, value in table.items():
        if name not in known:
            raise ConfigError(f"{context}: there is no {name}; {suggestion(name, known)}")
        expected, described = TYPES[hints[name]]
        if type(value) is not expected or (expected is list and not all(isinstance(part, str) for part in value)):
            given = "…" if "secret" in name else repr(value)
            raise ConfigError(f"{context}: {name} = {given} is not {described}; write it as one.")
    for name, field in known.items():
        if field.default is dataclasses.MISSING and not table.get(name):
            raise ConfigError(f"{context} has no {name}; add one, say {name} = {to_toml(EXAMPLES[name])}.")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in table.items()
    }
    try:
        return kind(**values)
    except ValueError as exc:
        raise ConfigError(f"{context}: {exc}") from exc


def parse_knobs(path: Path, table: object) -> KnobChanges:
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: knobs is not a table; write [knobs] above them.")
    known = [field.name for field in dataclasses.fields(Knobs)]
    for name in table:
        if name not in known:
            raise ConfigError(f"{path}: [knobs] has no {name}; {suggestion(name, known)}")
    try:
        Knobs(**table)
    except ValueError as exc:
        raise ConfigError(f"{path}: [knobs] {exc}") from exc
    return cast(KnobChanges, table)


def check_unique(path: Path, table: str, name: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ConfigError(f"{path}: [[{table}]] has {name} {value!r} twice; give each its own.")


def to_toml(value: object) -> str:
    return str(value).replace("'", '"') if isinstance(value, list) else f'"{value}"'
