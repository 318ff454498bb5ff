"""Each example runs unchanged with the emulator. tests/examples/ has the examples that need more than this."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.example_app import (
    EXAMPLES,
    NAME,
    assert_requires_sign_in,
    assert_signs_in_and_out,
    open_browser,
    running,
    sign_in,
)

# Each of these greets the user at `/` and returns the user at `/me`.
SITES = [
    "asgi_app.py",
    "blacksheep_app.py",
    "connexion_app.py",
    "django_app.py",
    "falcon_app.py",
    "fastapi_users.py",
    "litestar_app.py",
    "quart_app.py",
    "sanic_app.py",
]


@pytest.fixture(scope="module", params=SITES)
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(request.param, tmp_path_factory.mktemp("example")) as address:
        yield address


def test_user_signs_in_and_out(address: str) -> None:
    assert_signs_in_and_out(address)


def test_me_requires_a_sign_in(address: str) -> None:
    assert_requires_sign_in(address, "/me")
    with open_browser() as browser:
        assert sign_in(browser, address, "/me").json()["name"] == NAME


@pytest.mark.parametrize("address", ["starlette_app.py"], indirect=True)
def test_starlettes_requires_responds_with_403(address: str) -> None:
    assert_signs_in_and_out(address)
    with open_browser() as browser:
        assert browser.get(f"{address}/me").status_code == 403
        assert sign_in(browser, address, "/me").json()["name"] == NAME


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda example: example.name)
def test_example_is_short_and_declares_its_dependencies(example: Path) -> None:
    lines = example.read_text().splitlines()

    assert len(lines) <= 60
    assert lines[0] == "# /// script"
    assert any(line.startswith("# dependencies = [") for line in lines)
