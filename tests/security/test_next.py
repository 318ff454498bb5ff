"""The rule for `next`, checked against Node's WHATWG `URL`, which resolves references as browsers do."""

from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from starlette.testclient import TestClient

from asgi_tiktok.emulator import Emulator
from asgi_tiktok.http.next_path import safe_next
from fuzz import login_query, next_path
from tests.support.login import sign_in
from tests.support.strategies import examples, hostile_next, ordinary_next
from tests.support.whatwg import BASES, node_parser

REJECTED = {
    "/％2fevil.example": "a fullwidth percent sign, which NFKC turns into %",
    "/%EF%BC%852fevil.example": "an encoded fullwidth percent sign",
    "/%２fevil.example": "a fullwidth digit in an escape",
    "/%25２fevil.example": "a fullwidth digit after an encoded percent sign",
    "/‥//evil.example": "a two dot leader, which NFKC turns into ..",
    "/．．//evil.example": "fullwidth dots",
    "/a/%e2%80%a5/b": "an encoded two dot leader",
    "/﹨evil.example": "a small reverse solidus",
    "/＼evil.example": "a fullwidth reverse solidus",
    "/a\\b": "a backslash in the middle",
    "/a?b=\\": "a backslash in the query, which some servers turn into a slash",
    "/%c0%afevil.example": "an overlong slash",
    "/%ff": "not UTF-8",
    "/%ed%a0%80": "an encoded surrogate",
    "/a%00.html": "an encoded NUL",
    "/%250a/evil.example": "a line feed, encoded twice",
    "/%09/evil.example": "an encoded tab",
    "/%25%32%66evil.example": "an escape whose digits are encoded",
    "/%e3%80%80/evil.example": "an encoded ideographic space",
    "/a/%2e%2e/b": "encoded dots",
    "/a/.%2e/b": "half encoded dots",
    "/a/%252e%252e/b": "dots, encoded twice",
    "/a/..": "a parent at the end",
    "/%2f": "nothing but an encoded slash",
    "/\ufeff/evil.example": "a byte order mark",
    "/\u2060/evil.example": "a word joiner",
    "/\U000e0001/evil.example": "a language tag",
    "/\ue000": "private use",
    "/\x85": "next line",
    "\ufeff//evil.example": "a byte order mark in front",
    " /a": "a space in front",
    "///evil.example": "three slashes",
    "\\\\evil.example": "two backslashes",
    "/\\/evil.example": "slash, backslash, slash",
    "https:/evil.example": "one slash after a scheme",
    "HTTPS://evil.example": "a scheme in capitals",
    "https:evil.example": "no slash after a scheme",
    "https://app.example/a": "a whole address of our origin",
    "//app.example/a": "our own host",
    "?next=//evil.example": "a query alone",
    "./a": "relative to the callback",
    ";//evil.example": "a parameter in front",
    "%2f%2fevil.example": "no slash in front",
    "/" + "a" * 2048: "2,049 characters",
}
ACCEPTED = {
    "/?": "an empty query",
    "/#": "an empty fragment",
    "/a//b": "two slashes inside the path",
    "/.well-known/x": "a segment that begins with a dot",
    "/a../..b/....": "dots beside other characters",
    "/100%": "a percent sign that is no escape",
    "/a%2Fb": "an encoded slash between two segments",
    "/a?b=%0d%0a": "an encoded line end in the query",
    "/a?b=../..//c": "dots and slashes in the query",
    "/#/route/../x": "a fragment of a client-side router",
    "/[id]/{x}|^`": "characters that must be encoded in a URL",
    "/あ/%E3%81%82/🎵": "other scripts, raw and encoded",
    "/ada@home:80": "@ and : in a path",
    "/℀": "a character that NFKC turns into a/c",
    "/ﬁ": "a ligature",
    "/" + "a" * 2047: "2,048 characters",
}


@pytest.mark.parametrize("value", REJECTED, ids=REJECTED.get)
def test_value_is_rejected(value: str) -> None:
    assert safe_next(value, reserved=()) is None


@pytest.mark.parametrize("value", ["/App//evil.example", "/%41pp/%2fevil.example", "/APP/auth/tiktok/Login"])
def test_prefix_of_a_mount_is_recognized_in_any_case(value: str) -> None:
    assert safe_next(value, reserved={"/auth/tiktok/login"}, mount="/app") is None
    assert safe_next(value, reserved={"/auth/tiktok/login"}, mount="/other") is not None


@pytest.mark.parametrize("value", ACCEPTED, ids=ACCEPTED.get)
def test_value_is_accepted_and_stays_on_the_origin(value: str) -> None:
    assert leads_to_the_same_page(value)
    next_path.check(value)


@pytest.mark.parametrize(
    "value",
    [
        *("//evil.example", "/\\evil.example", "/\t/evil.example", "https:evil.example", "javascript:alert(1)"),
        *("/%2fevil.example", "/%255cevil.example", "/%25252fevil.example", "/..//evil.example", "/.//evil.example"),
        *(
            "/／evil.example",
            "/％2fevil.example",
            "/%EF%BC%8Fevil.example",
            "/app//evil.example",
            "/app/%2fevil.example",
        ),
        *("//user@app.example/", "//[", "/%09/evil.example"),
    ],
)
def test_node_reports_values_that_leave_the_origin(value: str) -> None:
    assert node_parser().offsite_readings(value, root_path="/app")


@examples(2000)
@given(hostile_next)
@example("/％2fevil.example")
def test_accepted_value_never_leaves_the_origin(value: str) -> None:
    next_path.check(value)


@examples(60)
@given(hostile_next | ordinary_next())
def test_login_never_ends_on_another_origin(value: str) -> None:
    login_query.run(b"next=" + quote(value, errors="replace").encode())


@examples(300)
@given(ordinary_next())
def test_ordinary_page_is_accepted_unchanged(value: str) -> None:
    assert leads_to_the_same_page(value)


@pytest.mark.parametrize("value", ["/", "/search?q=http://other.example/x#part", "/caf\xe9/🎵", "/" + "a" * 399])
def test_login_redirects_to_the_requested_page(browser: TestClient, emulator: Emulator, value: str) -> None:
    location = sign_in(browser, emulator, f"next={quote(value)}").headers["location"]

    assert unquote(location) == value


def leads_to_the_same_page(value: str) -> bool:
    """Whether the value is accepted, and the accepted path leads a browser to the same page as the value."""
    accepted = safe_next(value, reserved={"/auth/tiktok/login"}, mount="/app")
    if accepted is None:
        return False
    pairs = [(reference, base) for reference in (value, accepted) for base in BASES]
    targets = [
        target and unquote(target.origin + target.path + target.rest) for target in node_parser().resolve(pairs)
    ]
    return targets[: len(BASES)] == targets[len(BASES) :]
