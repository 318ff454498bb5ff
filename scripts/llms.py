"""Add the pages as Markdown to the built documentation, with `llms.txt` and `llms-full.txt` (llmstxt.org)."""

import posixpath
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from reference_markdown import expand

ROOT = Path(__file__).parent.parent
DOCS, SITE = ROOT / "docs", ROOT / "site"
TITLED_BLOCK = re.compile(r'^(?:===|!!! \w+) "(.+)"\n((?:    .*\n|\n)+)', re.MULTILINE)
ANCHOR = re.compile(r'<span id="[^"]+">(.*?)</span>')
PICTURE_OF_DARK_SCHEME = re.compile(r"^!\[.*\]\(.*#only-dark\)\n", re.MULTILINE)
LEFTOVER = re.compile(r"^(?::::|===|!!!|\?\?\?) .*|<span.*|#only-.*", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def pages(nav: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield title and file of each page, in the order of the navigation."""
    for entry in nav:
        for title, target in entry.items():
            if isinstance(target, str):
                yield title, target
            else:
                yield from pages(target)


def plain(text: str) -> str:
    """Return the page in Markdown that every reader understands."""
    text = TITLED_BLOCK.sub(lambda block: f"**{block[1]}**\n{textwrap.dedent(block[2])}", expand(text))
    text = PICTURE_OF_DARK_SCHEME.sub("", text).replace("#only-light", "")
    text = ANCHOR.sub(r"\1", text)
    if leftover := LEFTOVER.search(text):
        raise SystemExit(f"plain() in scripts/llms.py must replace: {leftover[0]}")
    return text


def main() -> None:
    """Write the files into the folder of the built site."""
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    index = [f"# {config['site_name']}", "", f"> {config['site_description']}", "", "## Pages", ""]
    full = []
    for title, file in pages(config["nav"]):
        text = plain((DOCS / file).read_text())
        copy = SITE / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)
        index.append(f"- [{title}]({config['site_url']}{file})")
        folder = posixpath.dirname(file)
        full.append(
            LINK.sub(
                lambda link, folder=folder: (
                    f"]({config['site_url']}{posixpath.normpath(posixpath.join(folder, link[1]))}"
                ),
                text,
            )
        )
    (SITE / "llms.txt").write_text("\n".join(index) + "\n")
    (SITE / "llms-full.txt").write_text("\n\n".join(full))


if __name__ == "__main__":
    main()
