"""What CONTRIBUTING.md says is true."""

import importlib
import re
from functools import reduce
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PATHS = CONTRIBUTING.split("## The path of a request", 1)[1].split("\n## ", 1)[0]
STEPS = re.findall(r"`([\w/]+)\.py: ([\w.]+)`", PATHS)


@pytest.mark.parametrize(("file", "function"), STEPS, ids=":".join)
def test_every_function_on_the_path_of_a_request_exists(file: str, function: str) -> None:
    module = importlib.import_module(f"asgi_tiktok.{file.replace('/', '.')}")

    assert callable(reduce(getattr, function.split("."), module))


@pytest.mark.parametrize(("page", "most"), [("A signed-in page", 4), ("A callback", 8)])
def test_a_path_opens_few_files_and_each_once(page: str, most: int) -> None:
    listed = PATHS.split(f"{page}:\n", 1)[1].split("\n\nA ", 1)[0]
    files = [file for file, _ in re.findall(r"`([\w/]+)\.py: ([\w.]+)`", listed)]
    entered = [file for before, file in zip([None, *files], files, strict=False) if file != before]

    assert 1 < len(entered) <= most
    assert len(set(entered)) == len(entered)


def test_the_map_names_every_file_and_folder() -> None:
    table = CONTRIBUTING.split("## The map of folders", 1)[1].split("\n## ", 1)[0]
    named = set(re.findall(r"`(\w+\.py|\w+/)`", table))
    package = ROOT / "asgi_tiktok"
    files = {path.name for path in package.glob("[!_]*.py")}
    folders = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}

    assert files | folders == named


@pytest.mark.parametrize("name", re.findall(r"`((?:scripts|\.ci|tests|benchmarks)/[\w/.]*)`", CONTRIBUTING))
def test_every_named_path_exists(name: str) -> None:
    assert (ROOT / name).exists()
