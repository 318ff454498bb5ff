"""The messages, log lines, pages, docstrings and comments of the package are in plain English."""

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import asgi_tiktok

CORE = Path(asgi_tiktok.__file__).parent
FILES = sorted([*CORE.rglob("*.py"), *CORE.rglob("*.html")])

PLAIN = {
    r"\bwhoever\b": "any caller",
    r", for (it|they|we|there|what|who|whom|nobody|somebody|everybody)\b": "because",
    r"(^|[.;:!?] +)else\b": "otherwise",
    r"\bin (the |its |their |our )?place of\b": "instead of",
    r"\bin [\w']+'s place\b": "instead of",
    r"\bsees? to\b": "the verb that names the action",
    r"\b(tells?|telling|told)\b": "returns, reports or shows",
    r"\bas (it|they) stands?\b": "unchanged or current",
    r"(?-i:\bnone (is|are)\b)": "there is no",
    r"\bsuch as\b": "for example",
    r"\ba text\b": "a string",
    r"\basked for and not granted\b": "the missing scopes",
    r"\b(that|those) of (which|whom)\b": "whose",
    r"\bof ours\b|\bof our own\b": "our",
    r"\bin (its|their) right mind\b": "well-formed",
    r"\bto the letter\b": "exactly",
    r"\bby chance\b": "sometimes",
    r"\bsomebody\b": "a user, another worker",
    r"\bstands? in the way\b": "prevents",
    r"\bit all\b|\ball of it\b": "everything",
    r"\bone of (ours|theirs)\b": "the name of the thing",
    r"\b(unasked|unheard|thereby|thereof|wherein|whereby|hitherto|lest|anew|ere)\b": "a common word",
    r"\bmakes? (no )?sense\b": "is valid",
}
"""A pattern that must not appear, and what to write instead."""


def prose_in(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line numbers and the text of every string and comment in the file."""
    if path.suffix == ".html":
        yield from enumerate(path.read_text().splitlines(), 1)
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            value = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
            yield node.lineno, " ".join(value.split())
    with path.open("rb") as source:
        comments = [token for token in tokenize.tokenize(source.readline) if token.type == tokenize.COMMENT]
    for token in comments:
        yield token.start[0], token.string.lstrip("# ")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORE)))
def test_package_is_in_plain_english(path: Path) -> None:
    found = [
        f"{path.name}:{number}: {match[0]!r} in {text[max(0, match.start() - 60) : match.end() + 60]!r}: {plain}"
        for number, text in prose_in(path)
        for pattern, plain in PLAIN.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]

    assert not found, "\n".join(found)
