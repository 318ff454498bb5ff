"""The documentation as a whole. `scripts/docs` finds dead links and unknown names."""

import re
from pathlib import Path

import pytest

from asgi_tiktok.commands import main

DOCS = Path(__file__).resolve().parent.parent / "docs"


def test_navigation_has_every_page_once() -> None:
    nav = DOCS.parent.joinpath("mkdocs.yml").read_text().split("\nnav:\n", 1)[1]

    assert sorted(re.findall(r": (\S+\.md)$", nav, re.MULTILINE)) == sorted(
        str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")
    )


COMMANDS = DOCS.joinpath("commands.md").read_text()


def test_commands_page_has_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    commands = re.findall(r"^    (\w+)  ", capsys.readouterr().out, re.MULTILINE)

    assert re.findall(r"^## (\w+)$", COMMANDS, re.MULTILINE) == commands
    assert re.findall(r"^\| `asgi-tiktok (\w+)", COMMANDS, re.MULTILINE) == commands


@pytest.mark.parametrize("command", re.findall(r"^## (\w+)$", COMMANDS, re.MULTILINE))
def test_commands_page_has_every_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    options = re.findall(r"^  (--[\w-]+)", capsys.readouterr().out, re.MULTILINE)
    section = COMMANDS.split(f"\n## {command}\n", 1)[1].split("\n## ", 1)[0]

    assert re.findall(r"^\| `(--[\w-]+)", section, re.MULTILINE) == options


SOURCE = "https://github.com/asgi-tiktok/asgi-tiktok/blob/main/"


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_to_pages_or_to_files_of_the_repository(page: Path) -> None:
    """A relative link to a file outside of docs would be dead on the site."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    linked = [(page.parent / link).resolve() for link in re.findall(r"\]\(([^)#:]+)[#)]", text)]

    assert [file for file in linked if not file.exists() or DOCS not in file.parents] == []
    assert [file for file in re.findall(rf"{SOURCE}([^\s)#]+)", text) if not (DOCS.parent / file).exists()] == []


@pytest.mark.parametrize("page", sorted(DOCS.glob("frameworks/*.md")), ids=lambda page: page.name)
def test_page_of_a_framework_has_its_example(page: Path) -> None:
    """tests/test_examples.py and tests/examples/ run the examples. Copy a changed one into its page."""
    ((name, program),) = re.findall(r'```python title="(\w+\.py)"\n(.*?)```', page.read_text(), re.DOTALL)

    assert DOCS.parent.joinpath("examples", name).read_text().endswith(f'"""\n\n{program}')
