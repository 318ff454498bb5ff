"""The public names are those in docs/reference/, no more and no less."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import asgi_tiktok
from asgi_tiktok import TikTokAuthMiddleware, errors
from asgi_tiktok.routes.options import Options
from tests.support.public_names import PUBLIC_NAMES

ROOT = Path(__file__).parent.parent
DOCUMENTED = [
    name
    for page in sorted(ROOT.glob("docs/reference/*.md"))
    for name in re.findall(r"^::: ([\w.]+)$", page.read_text(), re.MULTILINE)
]
MODULES = (
    "asgi_tiktok",
    "asgi_tiktok.fastapi",
    "asgi_tiktok.quart",
    "asgi_tiktok.litestar",
    "asgi_tiktok.django",
    "asgi_tiktok.stores",
    "asgi_tiktok.stores.redis",
    "asgi_tiktok.stores.sqlalchemy",
    "asgi_tiktok.testing",
    "asgi_tiktok.emulator",
)


def public_classes(module: ModuleType) -> Iterator[type]:
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) and value.__module__.startswith("asgi_tiktok"):
            yield value


def public_names(cls: type) -> set[str]:
    """The names without an underscore that the package gives a class and its objects."""
    names: set[str] = set()
    for parent in cls.__mro__:
        if parent.__module__.startswith("asgi_tiktok"):
            names |= {*vars(parent), *inspect.get_annotations(parent), *assigned_to_self(parent)}
    return {name for name in names if not name.startswith("_")}


def assigned_to_self(cls: type) -> Iterator[str]:
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(cls)))):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            yield node.attr


def test_reference_has_the_public_names_and_no_others() -> None:
    public = {f"{module}.{name}" for module in MODULES for name in importlib.import_module(module).__all__}

    assert len(set(DOCUMENTED)) == len(DOCUMENTED)
    assert set(DOCUMENTED) <= public
    # A name in two modules is documented once.
    objects = [resolve(name) for name in DOCUMENTED]
    missing = {name for name in public - set(DOCUMENTED) if not any(resolve(name) is each for each in objects)}
    assert missing == {"asgi_tiktok.__version__"}


def resolve(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def test_public_names_of_the_public_classes_are_pinned() -> None:
    classes = {cls.__name__: cls for module in MODULES for cls in public_classes(importlib.import_module(module))}
    names = {name: found for name, cls in classes.items() if (found := public_names(cls))}

    assert names == {name: set(pinned.split()) for name, pinned in PUBLIC_NAMES.items()}


def test_every_error_is_public_and_in_the_tree_of_the_docstring() -> None:
    for name, error in vars(errors).items():
        if isinstance(error, type) and issubclass(error, errors.TikTokError):
            assert name in asgi_tiktok.__all__
            assert name in (errors.__doc__ or "")


def test_integrations_pass_on_every_argument_of_the_middleware() -> None:
    arguments = set(inspect.signature(TikTokAuthMiddleware).parameters) - {"app", "tiktok"}

    assert set(Options.__annotations__) == arguments


def test_importing_the_package_imports_no_extra_no_native_app_and_no_language_but_english() -> None:
    code = (
        "import sys, asgi_tiktok\n"
        "extras = {'uvicorn', 'jinja2', 'redis', 'sqlalchemy', 'opentelemetry', 'httpx', 'pytest'}\n"
        "extras |= {f'asgi_tiktok.{name}' for name in ('http.bearer', 'accounts.cookies_or_bearers')}\n"
        "extras |= {'asgi_tiktok.client.native_redirect_uris', 'asgi_tiktok.routes.native'}\n"
        "print(*sorted(extras & set(sys.modules)))\n"
        "print(*sorted(name for name in sys.modules if name.startswith('asgi_tiktok.texts.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    texts = [f"asgi_tiktok.texts.{name}" for name in ("en", "locales", "translation")]
    assert done.stdout == f"\n{' '.join(texts)}\n"


def test_the_command_is_importable() -> None:
    assert callable(importlib.import_module("asgi_tiktok.commands").main)


def test_changelog_begins_with_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    newest = next(line for line in changelog.splitlines() if line.startswith("## "))

    assert newest.split()[1].rstrip(",") == asgi_tiktok.__version__


def test_at_most_fourteen_files_lie_beside_the_folders_and_none_is_long() -> None:
    package = ROOT / "asgi_tiktok"
    lines = {path: len(path.read_text().splitlines()) for path in package.rglob("*.py")}

    assert len(list(package.glob("*.py"))) <= 14
    assert [path for path, count in lines.items() if count > 300] == []
    assert lines[package / "middleware.py"] <= 150
