"""Each example runs as it stands, against the emulator. Those that need more than this are in tests/examples/."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.example_app import (
    EXAMPLES,
    NAME,
    assert_requires_sign_in,
    assert_signs_in_and_out,
    running,
    sign_in,
)

# Each greets at `/`, and tells at `/me` who is signed in.
SITES = [
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


def test_a_person_signs_in_and_out(address: str) -> None:
    assert_signs_in_and_out(address)


def test_what_is_theirs_is_theirs_alone(address: str) -> None:
    assert_requires_sign_in(address, "/me")
    with httpx2.Client(follow_redirects=True) as browser:
        assert sign_in(browser, address, "/me").json()["name"] == NAME


@pytest.mark.parametrize("address", ["starlette_app.py"], indirect=True)
def test_starlettes_own_decorator_refuses_in_its_own_words(address: str) -> None:
    assert_signs_in_and_out(address)
    assert httpx2.get(f"{address}/me").status_code == 403
    with httpx2.Client(follow_redirects=True) as browser:
        assert sign_in(browser, address, "/me").json()["name"] == NAME


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda example: example.name)
def test_an_example_is_short_and_declares_what_it_needs(example: Path) -> None:
    lines = example.read_text().splitlines()

    assert len(lines) <= 60
    assert lines[0] == "# /// script"
    assert any(line.startswith("# dependencies = [") for line in lines)
