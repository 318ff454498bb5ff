"""Add the pages as Markdown to the built documentation, with `llms.txt` and `llms-full.txt` (llmstxt.org)."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
DOCS, SITE = ROOT / "docs", ROOT / "site"


def pages(nav: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield title and file of each page, in the order of the navigation."""
    for entry in nav:
        for title, target in entry.items():
            if isinstance(target, str):
                yield title, target
            else:
                yield from pages(target)


def main() -> None:
    """Write the files into the folder of the built site."""
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    index = [f"# {config['site_name']}", "", f"> {config['site_description']}", "", "## Pages", ""]
    full = []
    for title, file in pages(config["nav"]):
        text = (DOCS / file).read_text()
        copy = SITE / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DOCS / file, copy)
        index.append(f"- [{title}]({config['site_url']}{file})")
        full.append(text)
    (SITE / "llms.txt").write_text("\n".join(index) + "\n")
    (SITE / "llms-full.txt").write_text("\n\n".join(full))


if __name__ == "__main__":
    main()
