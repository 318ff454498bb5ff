"""The documentation as a whole. `scripts/docs` finds dead links and unknown names."""

import re
from pathlib import Path

import pytest

from asgi_tiktok.commands import main

DOCS = Path(__file__).parent.parent / "docs"


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


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_links_to_the_repository_lead_to_files(page: Path) -> None:
    """A relative link would be dead on the site, which has only the folder docs."""
    text = page.read_text()

    assert "](../" not in text
    for file in re.findall(rf"\]\({SOURCE}(.+?)\)", text):
        assert DOCS.parent.joinpath(file).exists(), file
