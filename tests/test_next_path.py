"""Where `next` may lead."""

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
def test_the_table(case: dict[str, Any]) -> None:
    accepted = safe_next(case["value"], reserved=RESERVED)

    assert (accepted is not None) is case["allowed"]


def test_what_is_accepted_goes_out_in_ascii() -> None:
    assert safe_next("/café?q=ü#ß", reserved=()) == "/caf%C3%A9?q=%C3%BC#%C3%9F"
    assert safe_next("/%E2%9C%93?a=b&c=d", reserved=()) == "/%E2%9C%93?a=b&c=d"


@pytest.mark.parametrize(
    "value", ["/AUTH/Logout", "/auth/logout/", "/auth%2flogout", "/auth/logout?x=1", "/auth/l%6fgout"]
)
def test_no_spelling_of_our_own_routes_is_accepted(value: str) -> None:
    assert safe_next(value, reserved=RESERVED) is None


@pytest.mark.parametrize("value", ["/app//evil.test", "/app/%2fevil.test", "/app/auth/logout", "/app/../x"])
def test_what_remains_below_the_mount_must_be_safe_too(value: str) -> None:
    assert safe_next(value, reserved=RESERVED, mount="/app") is None


def test_below_the_mount_ordinary_paths_are_fine() -> None:
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
def test_nothing_accepted_leaves_the_site(value: str) -> None:
    accepted = safe_next(value, reserved=RESERVED)
    if accepted is None:
        return
    for _ in range(4):
        target = urlsplit(urljoin("https://app.example.com/auth/callback", accepted.split("?")[0].split("#")[0]))
        assert (target.scheme, target.netloc) == ("https", "app.example.com")
        assert "\\" not in accepted.split("?")[0].split("#")[0]
        accepted = unquote(accepted.split("?")[0].split("#")[0])


@pytest.mark.parametrize("query", ["next=//evil.test", "next=/a&next=/b", "next=", "next=%ff", ""])
def test_what_is_not_accepted_leads_home(browser: TestClient, emulator: Emulator, query: str) -> None:
    location = sign_in(browser, emulator, query).headers["location"]

    assert location in ("/", "/%EF%BF%BD") or not location.startswith("//")
    assert "evil" not in location
