"""The rule for `next`: only a path of this site is accepted."""

from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from asgi_tiktok.emulator import Emulator
from asgi_tiktok.http.next_path import safe_next
from tests.support.login import sign_in
from tests.support.next_paths import CASES

RESERVED = {"/auth/login", "/auth/logout", "/auth/callback"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_verdict_of_the_table(case: dict[str, Any]) -> None:
    accepted = safe_next(case["value"], reserved=RESERVED)

    assert (accepted is not None) is case["allowed"]


def test_accepted_path_is_percent_encoded() -> None:
    assert safe_next("/café?q=ü#ß", reserved=()) == "/caf%C3%A9?q=%C3%BC#%C3%9F"
    assert safe_next("/%E2%9C%93?a=b&c=d", reserved=()) == "/%E2%9C%93?a=b&c=d"


@pytest.mark.parametrize(
    "value", ["/AUTH/Logout", "/auth/logout/", "/auth%2flogout", "/auth/logout?x=1", "/auth/l%6fgout"]
)
def test_no_spelling_of_our_routes_is_accepted(value: str) -> None:
    assert safe_next(value, reserved=RESERVED) is None


@pytest.mark.parametrize("value", ["/app//evil.test", "/app/%2fevil.test", "/app/auth/logout", "/app/../x"])
def test_path_without_the_mount_must_be_safe_too(value: str) -> None:
    assert safe_next(value, reserved=RESERVED, mount="/app") is None


def test_ordinary_paths_are_accepted_below_a_mount() -> None:
    assert safe_next("/app/me", reserved=RESERVED, mount="/app") == "/app/me"
    for path in ("/other", "/app", "/app2/x", "/application"):
        assert safe_next(path, reserved=RESERVED, mount="/app") == path


PIECES = st.sampled_from(
    [
        "/",
        "\\",
        "//",
        "%2f",
        "%5c",
        "%252f",
        "evil.test",
        "..",
        ".",
        "@",
        ":",
        "?",
        "#",
        "\t",
        "\n",
        "a",
        "％",
        "／",
        "%",
    ]
)


@given(st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=20).map("/".__add__))
def test_accepted_path_never_leaves_the_site(value: str) -> None:
    accepted = safe_next(value, reserved=RESERVED)
    if accepted is None:
        return
    for _ in range(4):
        path = accepted.split("?")[0].split("#")[0]
        target = urlsplit(urljoin("https://app.example.com/auth/callback", path))
        assert (target.scheme, target.netloc) == ("https", "app.example.com")
        assert "\\" not in path
        accepted = unquote(path)


@pytest.mark.parametrize("query", ["next=//evil.test", "next=/a&next=/b", "next=", "next=%ff", ""])
def test_rejected_next_becomes_default_next(browser: TestClient, emulator: Emulator, query: str) -> None:
    assert sign_in(browser, emulator, query).headers["location"] == "/"
