"""What the README and the docs say is true."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import asgi_tiktok
from asgi_tiktok import TikTok
from asgi_tiktok.environment import OPTIONAL, REQUIRED
from tests.support.app import app
from tests.support.results import results_table
from tests.support.tiktok import new_tiktok

ROOT = Path(__file__).parent.parent
README = ROOT.joinpath("README.md").read_text()
DOCS = "".join(page.read_text() for page in sorted(ROOT.glob("docs/*.md")))
SNIPPETS = re.findall(r"```python\n(.*?)```", README + DOCS, re.DOTALL)
WHOLE = [snippet for snippet in SNIPPETS if "secrets.token_urlsafe(32)\n" in snippet or "import secrets\n" in snippet]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.splitlines()[0])
def test_every_snippet_is_python(snippet: str) -> None:
    compile(snippet, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("snippet", WHOLE, ids=lambda snippet: snippet.splitlines()[0])
def test_whole_snippets_run_as_they_stand(snippet: str, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"app": app}
    exec(snippet, names)  # noqa: S102

    assert "TikTok" in names or "https://www.tiktok.com/v2/auth/authorize/?" in capsys.readouterr().out


def test_snippets_import_what_there_is() -> None:
    imported = re.findall(r"^from asgi_tiktok import (.+)$", "\n".join(SNIPPETS), re.MULTILINE)
    names = {name.strip() for line in imported for name in line.split(",")}

    assert names
    assert names <= set(asgi_tiktok.__all__)


def test_the_settings_are_those_of_the_constructor() -> None:
    table = README.split("## Settings", 1)[1].split("\n## ", 1)[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    parameters = set(TikTok.__init__.__annotations__) - {"return"}

    assert named == parameters
    variables = {variable for variable, _ in REQUIRED.values()} | set(OPTIONAL.values())
    assert variables <= set(re.findall(r"`(TIKTOK_\w+)`", table))


def test_the_routes_are_those_that_are_answered() -> None:
    site = new_tiktok()._site
    for route in (site.login, site.logout, site.session, site.webhook):
        assert f"| `{route}" in README


def test_the_files_are_those_that_there_are() -> None:
    table = README.split("The layout", 1)[1]
    named = set(re.findall(r"`(\w+\.py|\w+/)`", table))
    package = Path(asgi_tiktok.__file__).parent
    there = {path.name for path in package.glob("[!_]*.py")}
    there |= {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}

    assert named >= there


@pytest.mark.parametrize(
    "page", ["README.md", "SECURITY.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/*"))]
)
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text())

    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_the_table_of_frameworks_has_a_row_for_each_that_is_driven() -> None:
    printed = results_table({})
    rows = [row.split(" | 0")[0] for row in printed.splitlines()[2:]]

    assert len(rows) == 18
    for row in rows:
        name, install = (cell.strip() for cell in row.strip("| ").split("|")[:2])
        product = re.sub(r" [\d.]+$", "", name)
        assert re.search(rf"^\| {product}[ \d.]* \| {install} \|( \d \|){{4}}$", DOCS, re.MULTILINE), row
