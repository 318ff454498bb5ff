"""The documentation as a whole. `scripts/docs` finds dead links and unknown names."""

import re
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def test_navigation_has_every_page_once() -> None:
    nav = DOCS.parent.joinpath("mkdocs.yml").read_text().split("\nnav:\n", 1)[1]

    assert sorted(re.findall(r": (\S+\.md)$", nav, re.MULTILINE)) == sorted(
        str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")
    )
