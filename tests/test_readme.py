"""What the README and the docs say is true."""

import ast
import inspect
import itertools
import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest

import asgi_tiktok
from asgi_tiktok import TikTok, TikTokAuthMiddleware, TikTokClient
from asgi_tiktok.environment import OPTIONAL, REQUIRED
from asgi_tiktok.routes.options import Options
from tests.support.app import app
from tests.support.public_names import PUBLIC_NAMES
from tests.support.results import results_table
from tests.support.tiktok import new_tiktok

ROOT = Path(__file__).parent.parent
README = ROOT.joinpath("README.md").read_text()
SETTINGS = ROOT.joinpath("docs/settings.md").read_text()
DOCS = "".join(page.read_text() for page in sorted(ROOT.joinpath("docs").rglob("*.md")))
SNIPPETS = [textwrap.dedent(text) for text in re.findall(r"```python[^\n]*\n(.*?)```", README + DOCS, re.DOTALL)]
COMPLETE = [
    snippet
    for snippet in re.findall(r"```python\n(.*?)```", README + DOCS, re.DOTALL)  # those with a name are run elsewhere
    if "secrets.token_urlsafe(32)\n" in snippet or "import secrets\n" in snippet
]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.splitlines()[0])
def test_every_snippet_is_python(snippet: str) -> None:
    compile(snippet, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("snippet", COMPLETE, ids=lambda snippet: snippet.splitlines()[0])
def test_complete_snippets_run_unchanged(snippet: str, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"app": app}
    exec(snippet, names)  # noqa: S102

    assert "TikTok" in names or "https://www.tiktok.com/v2/auth/authorize/?" in capsys.readouterr().out


def test_snippets_import_existing_names() -> None:
    imported = re.findall(r"^from asgi_tiktok import (.+)$", "\n".join(SNIPPETS), re.MULTILINE)
    names = {name.strip() for line in imported for name in line.split(",")}

    assert names
    assert names <= set(asgi_tiktok.__all__)


@pytest.mark.parametrize("called", [TikTok, TikTokAuthMiddleware, TikTokClient])
def test_text_names_no_argument_that_does_not_exist(called: type) -> None:
    parameters = inspect.signature(called).parameters
    calls = re.findall(rf"\b{called.__name__}\(((?:[^()]|\([^()]*\))*)\)", README + DOCS)
    named = {name for call in calls for name in re.findall(r"\b(\w+)=", re.sub(r"\(.*?\)", "", call))}

    assert named - {*parameters} == set()


def test_text_names_no_method_that_does_not_exist() -> None:
    tiktok = re.findall(r"(?<![\w./])tiktok\.(\w+)\(|@tiktok\.(\w+)", README + DOCS)
    session = re.findall(r"(?:tiktok_session\(\w+\)|request\.tiktok|(?<![\w.])session)\.(\w+)\(", README + DOCS)

    assert {*itertools.chain(*tiktok)} - {""} - {*PUBLIC_NAMES["TikTok"].split()} == set()
    assert {*session} - {*PUBLIC_NAMES["TikTokSession"].split()} == set()


def test_settings_table_has_every_argument_and_variable() -> None:
    table = SETTINGS.split("## TikTok\n", 1)[1].split("\n## ", 1)[0]
    parameters = set(TikTok.__init__.__annotations__) - {"return"}

    assert arguments_in(table) == parameters
    variables = {variable for variable, _ in REQUIRED.values()} | set(OPTIONAL.values())
    assert variables == set(re.findall(r"^\| `(TIKTOK_\w+)`", SETTINGS, re.MULTILINE))


def test_middleware_table_has_every_argument() -> None:
    table = SETTINGS.split("## The middleware\n", 1)[1].split("\n## ", 1)[0]

    assert arguments_in(table) == set(Options.__annotations__)


def arguments_in(table: str) -> set[str]:
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_routes_table_has_every_route() -> None:
    site = new_tiktok(qr=True, native_redirect_uris=("https://app.example.com/tiktok",))._site
    table = ROOT.joinpath("docs/users.md").read_text()

    assert {route for route in site.routes if f"| `{route}" not in table} == set()


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 130


def test_links_of_the_readme_work_on_pypi() -> None:
    """They are absolute, and lead to a page of the documentation or a file of the repository."""
    urls = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["project"]["urls"]
    links = re.findall(r"\]\((.+?)\)|^\[.+?\]: (.+)$|!\[.*?\]\((.+?)\)|srcset=\"(.+?)\"", README, re.MULTILINE)
    used = set(re.findall(r"\]\[(.+?)\]", README))

    assert used == set(re.findall(r"^\[(.+?)\]: ", README, re.MULTILINE))
    for link in filter(None, itertools.chain(*links)):
        page = link.removeprefix(urls["Documentation"]).rstrip("/")
        file = re.sub(rf"^{urls['Source']}/(?:blob|tree|raw)/main/", "", link)
        assert ROOT.joinpath(f"docs/{page}.md").exists() or ROOT.joinpath(file).exists(), link


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md"])
def test_every_link_leads_to_a_file(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text())

    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_table_of_frameworks_has_a_row_for_each_tested_install() -> None:
    printed = results_table({})
    rows = [row.split(" | 0")[0] for row in printed.splitlines()[2:]]

    assert len(rows) == 18
    for row in rows:
        name, install = (cell.strip() for cell in row.strip("| ").split("|")[:2])
        product = re.sub(r" [\d.]+$", "", name)
        assert re.search(rf"^\| {product}[ \d.]* \| {install} \|( \d \|){{4}}$", DOCS, re.MULTILINE), row
