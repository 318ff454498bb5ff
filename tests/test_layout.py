"""The layout of the tests: shared code is in tests/support."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MODULES = sorted(TESTS.rglob("*.py"))


def imported_from_tests(path: Path) -> Iterator[str]:
    """Yield the full names of the modules and objects of tests/ that a module imports."""
    folder = ["tests", *path.relative_to(TESTS).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] == "tests")
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) + 1 - node.level] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            if module.split(".")[0] == "tests":
                yield from (f"{module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_module_imports_a_test_module_or_a_conftest(path: Path) -> None:
    """A helper that two folders need must be in tests/support. A helper of one folder can be in that folder."""
    allowed = ["tests.support."]
    if path.parent != TESTS:
        allowed.append(".".join(["tests", *path.relative_to(TESTS).parts[:-1], ""]))
    for name in imported_from_tests(path):
        assert name.startswith(tuple(allowed)), name
        assert not any(part.startswith("test_") or part == "conftest" for part in name.split(".")), name


def test_list_of_support_modules_is_complete() -> None:
    support = TESTS / "support"
    docstring = ast.get_docstring(ast.parse((support / "__init__.py").read_text())) or ""
    listed = {line.split()[0] for line in docstring.splitlines() if line.startswith("    ")}
    modules = {path.stem for path in support.glob("[!_]*.py")} | {
        path.parent.name for path in support.glob("*/__init__.py")
    }

    assert listed == modules
