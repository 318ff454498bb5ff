"""The public names, no more and no less."""

import inspect
import subprocess
import sys
from pathlib import Path

import asgi_tiktok
from asgi_tiktok import TikTokAuthMiddleware, errors
from asgi_tiktok.routes.options import Options


def test_every_public_name_is_there() -> None:
    for name in asgi_tiktok.__all__:
        assert hasattr(asgi_tiktok, name), name
    assert sorted(set(asgi_tiktok.__all__)) == sorted(asgi_tiktok.__all__)


def test_every_error_is_public_and_in_the_picture() -> None:
    for name, error in vars(errors).items():
        if isinstance(error, type) and issubclass(error, errors.TikTokError):
            assert name in asgi_tiktok.__all__
            assert name in (errors.__doc__ or "")


def test_whoever_installs_the_middleware_passes_all_its_keywords_on() -> None:
    keywords = set(inspect.signature(TikTokAuthMiddleware).parameters) - {"app", "tiktok"}

    assert set(Options.__annotations__) == keywords


def test_importing_needs_no_extra() -> None:
    code = (
        "import sys, asgi_tiktok\n"
        "print(sorted({'uvicorn', 'jinja2', 'redis', 'sqlalchemy', 'httpx', 'pytest'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_the_changelog_begins_with_this_version() -> None:
    changelog = Path(__file__).parent.parent.joinpath("CHANGELOG.md").read_text()
    newest = next(line for line in changelog.splitlines() if line.startswith("## "))

    assert newest.split()[1].rstrip(",") == asgi_tiktok.__version__
