"""The rule for `next`, checked against Node's WHATWG `URL`, which resolves references as browsers do."""

from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from asgi_tiktok import TikTok, TikTokAuthMiddleware, TikTokSession
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.http.next_path import pack, safe_next, unpack
from fuzz import login_query, next_path
from tests.support.login import new_browser, sign_in
from tests.support.settings import NAVIGATION
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
    "/a b": "a raw space, which a caller must percent-encode",
    "/\u200d/evil.example": "a joiner between slashes, which some normalizers drop",
    "/%e2%80%8c/evil.example": "an encoded non-joiner between slashes",
    "/.\u200d./evil.example": "a joiner between dots",
    "/%2\u200cfevil.example": "a non-joiner in an escape",
    "/%20/evil.example": "an encoded space between slashes",
    "/.%20.//evil.example": "an encoded space between dots",
    "/%2520/evil.example": "a space, encoded twice",
    "/%c2%a0/evil.example": "an encoded no-break space between slashes",
    "/\U000e0061/evil.example": "a tag of a flag between slashes",
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
    "/" + quote("س" * 1000): "2,001 bytes that are three times as long percent-encoded",
    "/my%20page/%20": "encoded spaces",
    "/%E6%9D%B1%E4%BA%AC%E3%80%80%E5%A4%A7%E9%98%AA": "an encoded ideographic space",
    "/می\u200cخواهم": "Persian",
    "/ශ්\u200dරී": "Sinhala",
    "/👩\u200d👩\u200d👧/❤️": "emoji that are joined",
    "/🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f": "a flag with tags",
    "/\U0001fae8": "an emoji that is newer than the tables of Python 3.11",
}
LONGEST = "/" + "س" * 511 + "x"  # 1,024 bytes


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


@examples(500)
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


WRITTEN = {
    "front page": "/",
    "address in the query": "/search?q=http://other.example/x#part",
    "other scripts": "/caf\xe9/🎵",
    "Persian": "/می\u200cخواهم?q=می\u200cخواهم",
    "Sinhala": "/ශ්\u200dරී",
    "emoji": "/👩\u200d👩\u200d👧/🏴\U000e0067\U000e0062\U000e007f",
    "space": "/my page/a b",
    "1,024 bytes of ASCII": "/" + "a" * 1023,
    "1,024 bytes of Arabic script": LONGEST,
    "1,024 bytes with spaces": "/" + "a " * 511 + "b",
}


@pytest.mark.parametrize("value", WRITTEN.values(), ids=WRITTEN.keys())
def test_login_redirects_to_the_requested_page(browser: TestClient, emulator: Emulator, value: str) -> None:
    location = sign_in(browser, emulator, f"next={quote(quote(value, safe='/?=:#'))}").headers["location"]

    assert unquote(location) == value


@pytest.mark.parametrize("value", WRITTEN.values(), ids=WRITTEN.keys())
def test_guarded_page_leads_back_to_itself(tiktok: TikTok, emulator: Emulator, value: str) -> None:
    browser = new_browser(TikTokAuthMiddleware(PlainTextResponse("page"), tiktok, protect=("/",)))
    page = quote(value.partition("#")[0], safe="/?=:")
    login = browser.get(page, headers=NAVIGATION).headers["location"]
    assert len(login) < 4096, "proxies limit the length of a header"
    callback = emulator.consent(browser.get(login).headers["location"])

    assert browser.get(callback).headers["location"] == page


def test_path_that_is_a_byte_too_long_becomes_default_next(browser: TestClient, emulator: Emulator) -> None:
    assert sign_in(browser, emulator, f"next={quote(LONGEST + 'x')}").headers["location"] == "/"


@pytest.mark.parametrize("value", ["/a%2520b%25%20%C3%A9%ff?x=%C2%85%20&y=%d9", "/%25C3%25A9", "/%%20%2"])
def test_path_is_unchanged_by_its_short_form(value: str) -> None:
    assert safe_next(unpack(pack(value)), reserved=()) == safe_next(value, reserved=())
    assert unquote(quote(unpack(pack(value)), safe="/?=&%")) == unquote(value)


def test_link_to_the_login_encodes_the_spaces_of_next(
    tiktok: TikTok, browser: TestClient, emulator: Emulator
) -> None:
    link = TikTokSession(tiktok, None, "").login_url(next="/my page")
    callback = emulator.consent(browser.get(link).headers["location"])

    assert browser.get(callback).headers["location"] == "/my%20page"


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
