"""docs/errors.md has an entry for each code of an error, and no other. Each error leads to its entry."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from asgi_tiktok import Cause, TikTokAuthMiddleware
from asgi_tiktok.client import hints
from tests.support.app import app
from tests.support.login import new_browser
from tests.support.tiktok import new_tiktok

ROOT = Path(__file__).parent.parent
TOOLS = ("emulator", "testing", "demo", "commands")


def codes_in_source() -> Iterator[str]:
    """The codes that the package gives to its errors: `code = "…"`, `error.code = "…"` and `code="…"`."""
    for module in (ROOT / "asgi_tiktok").rglob("*.py"):
        if module.relative_to(ROOT).parts[1] in TOOLS:
            continue
        for node in ast.walk(ast.parse(module.read_text())):
            targets = getattr(node, "targets", [])
            names = {getattr(target, "id", None) or getattr(target, "attr", None) for target in targets}
            is_code = "code" in names or (isinstance(node, ast.keyword) and node.arg == "code")
            value = getattr(node, "value", None)
            if is_code and isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


def test_every_code_has_an_entry_and_every_entry_is_a_code() -> None:
    page = (ROOT / "docs/errors.md").read_text()
    entries = re.findall(r"^### (\S+)$", page, re.MULTILINE) + re.findall(r'<span id="(-?\d+)">', page)
    codes = {*codes_in_source(), *Cause, *hints.WORDS, *hints.NUMBERS, *hints.ERROR_TYPES}

    assert len(entries) == len(set(entries))
    assert set(entries) == codes


def test_log_line_and_page_for_developers_lead_to_the_entry(caplog: pytest.LogCaptureFixture) -> None:
    local = "http://localhost:8000"
    browser = new_browser(
        TikTokAuthMiddleware(app, new_tiktok(redirect_uri=f"{local}/auth/tiktok/callback")), origin=local
    )
    page = browser.get("/auth/tiktok/callback?code=c&state=invented")

    link = "https://asgi-tiktok.github.io/asgi-tiktok/errors/#never_begun"
    assert f'href="{link}"' in page.text
    assert link in caplog.text
