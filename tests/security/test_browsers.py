"""The browser of the security tests follows the rules of real browsers. Otherwise its tests would prove nothing."""

import pytest

from asgi_tiktok.emulator import Emulator
from tests.support.browser import Browser
from tests.support.clock import Clock
from tests.support.cookies import CookieJar
from tests.support.next_paths import CASES
from tests.support.settings import LOGIN_COOKIE, SESSION_COOKIE
from tests.support.urls import URL, InvalidURL
from tests.support.whatwg import node_parser

PAGE = URL.parse("https://app.example.com/auth/tiktok/callback")
PLAIN_HTTP = URL.parse("http://app.example.com/")
SIBLING = URL.parse("https://evil.example.com/")
HOST_COOKIE = "__Host-s=1; Path=/; Secure"

REJECTED = {
    "__Host- without Secure": "__Host-s=1; Path=/",
    "__Host- without Path": "__Host-s=1; Secure",
    "__Host- with another Path": "__Host-s=1; Secure; Path=/auth",
    "__Host- with a Domain": "__Host-s=1; Secure; Path=/; Domain=example.com",
    "__HOST- without Secure": "__HOST-s=1; Path=/",
    "__Secure- without Secure": "__Secure-s=1",
    "no name, and a value that looks like a prefix": "=__Host-s=1; Secure; Path=/",
    "a bare word that looks like a prefix": "__Host-s; Secure; Path=/",
    "Domain of another site": "s=1; Domain=evil.test",
    "Domain that is not a parent": "s=1; Domain=ple.com",
    "Domain that is a top-level domain": "s=1; Domain=com",
    "larger than 4096 bytes": "s=" + "x" * 4096,
    "with a control character": "s=a\x01b",
}


@pytest.mark.parametrize("line", REJECTED.values(), ids=REJECTED.keys())
def test_cookie_that_browsers_reject_is_rejected(line: str) -> None:
    jar = CookieJar()

    assert not jar.store(PAGE, line)
    assert jar.cookie_header(PAGE) == ""


def test_valid_host_cookie_is_sent_to_its_own_host_over_https_only() -> None:
    jar = CookieJar()

    assert jar.store(PAGE, HOST_COOKIE)
    assert jar.cookie_header(PAGE) == "__Host-s=1"
    assert jar.cookie_header(SIBLING) == ""
    assert jar.cookie_header(PLAIN_HTTP) == ""


def test_sibling_host_can_set_a_domain_cookie_but_no_host_cookie() -> None:
    jar = CookieJar()
    jar.store(PAGE, HOST_COOKIE)

    assert jar.store(SIBLING, "s=evil; Domain=example.com; Path=/auth")
    assert not jar.store(SIBLING, "__Host-s=evil; Domain=example.com; Path=/; Secure")
    assert jar.cookie_header(PAGE) == "s=evil; __Host-s=1"


@pytest.mark.parametrize("deletion", ["Max-Age=0", "Max-Age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
def test_host_cookie_is_deleted_only_with_its_required_attributes(deletion: str) -> None:
    jar = CookieJar()
    jar.store(PAGE, HOST_COOKIE)
    jar.store(PAGE, f"__Host-s=; {deletion}")
    jar.store(PAGE, f"__Host-s=; {deletion}; Path=/")
    assert "__Host-s" in jar
    jar.store(PAGE, f"__Host-s=; {deletion}; Path=/; Secure")
    assert "__Host-s" not in jar


def test_plain_http_neither_reads_nor_replaces_a_secure_cookie() -> None:
    jar = CookieJar()
    jar.store(PAGE, "s=1; Secure; Path=/")

    assert not jar.store(PLAIN_HTTP, "s=evil; Path=/")
    assert not jar.store(PLAIN_HTTP, "t=evil; Secure")
    assert jar.cookie_header(PAGE) == "s=1"


def test_cookie_expires_after_max_age(clock: Clock) -> None:
    jar = CookieJar()
    jar.store(PAGE, "s=1; Max-Age=600; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/")
    clock.advance(599)
    assert jar.cookie_header(PAGE) == "s=1"
    clock.advance(2)
    assert jar.cookie_header(PAGE) == ""


@pytest.mark.parametrize(
    ("same_site", "top_level", "safe", "sent"),
    [
        (True, False, False, {"strict", "lax", "default", "none"}),
        (False, True, True, {"lax", "default", "none"}),
        (False, True, False, {"none"}),
        (False, False, True, {"none"}),
    ],
    ids=["same site", "a link", "a form", "an image"],
)
def test_same_site_decides_with_which_requests_a_cookie_is_sent(
    same_site: bool, top_level: bool, safe: bool, sent: set[str]
) -> None:
    jar = CookieJar()
    for value in ("strict", "lax", "none"):
        jar.store(PAGE, f"{value}=1; Path=/; Secure; SameSite={value}")
    jar.store(PAGE, "default=1; Path=/")
    header = jar.cookie_header(PAGE, same_site=same_site, top_level=top_level, safe=safe)

    assert {pair.partition("=")[0] for pair in header.split("; ")} == sent


def test_same_site_decides_which_responses_can_set_a_cookie() -> None:
    jar = CookieJar()

    assert not jar.store(PAGE, "s=1; SameSite=Lax", same_site=False, top_level=False)
    assert jar.store(PAGE, "s=1; SameSite=Lax", same_site=False, top_level=True)


def test_cookie_paths_match_by_segment_and_the_longest_path_comes_first() -> None:
    jar = CookieJar()
    for path in ("/", "/auth", "/auth/tik"):
        jar.store(PAGE, f"s{len(path)}=1; Path={path}")

    assert jar.cookie_header(PAGE) == "s5=1; s1=1"


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("/me?x#y", "https://app.example.com/me?x"),
        ("me", "https://app.example.com/auth/tiktok/me"),
        ("../%2E%2e/x/.", "https://app.example.com/x/"),
        ("?q", "https://app.example.com/auth/tiktok/callback?q"),
        ("//evil.test", "https://evil.test/"),
        ("/\\evil.test", "https://evil.test/"),
        ("\\/\\evil.test/a\\b", "https://evil.test/a/b"),
        ("/\t/evil.test", "https://evil.test/"),
        (" \n//evil.test\x00", "https://evil.test/"),
        ("https:evil.test", "https://app.example.com/auth/tiktok/evil.test"),
        ("http:evil.test", "http://evil.test/"),
        ("https:/\\user:pass@EVIL.test:443/", "https://evil.test/"),
        ("//evil\u3002test", "https://evil.test/"),
        ("//\uff45vil.test", "https://evil.test/"),
    ],
)
def test_reference_resolves_as_in_a_browser(reference: str, target: str) -> None:
    assert str(PAGE.join(reference)) == target


@pytest.mark.parametrize("reference", ["javascript:alert(1)", "data:text/html,x"])
def test_url_of_another_scheme_has_a_null_origin(reference: str) -> None:
    assert PAGE.join(reference).origin == "null"


@pytest.mark.parametrize("reference", ["//", "//evil test", "https://a:b/", "//[x"])
def test_invalid_reference_raises(reference: str) -> None:
    with pytest.raises(InvalidURL):
        PAGE.join(reference)


def test_node_agrees_which_references_stay_on_the_origin() -> None:
    references = [case["value"] for case in CASES if isinstance(case["value"], str)]
    targets = node_parser().resolve((reference, str(PAGE)) for reference in references)
    stay_in_node = [target is not None and target.origin == PAGE.origin for target in targets]
    stay_here = [stays_on_origin(reference) for reference in references]

    assert dict(zip(references, stay_in_node, strict=True)) == dict(zip(references, stay_here, strict=True))
    assert {True, False} == {*stay_here}


def stays_on_origin(reference: str) -> bool:
    try:
        return PAGE.join(reference).origin == PAGE.origin
    except InvalidURL:
        return False


@pytest.mark.anyio
async def test_login_works_in_this_browser(victim: Browser, emulator: Emulator) -> None:
    assert (await victim.sign_in()).url == "https://testserver/me"
    assert await victim.display_name() == emulator.people[next(iter(emulator.people))].display_name
    assert {cookie.name for cookie in victim.jar} == {SESSION_COOKIE}
    assert all(cookie.http_only and cookie.secure and cookie.host_only for cookie in victim.jar)
    await victim.start_login()
    assert any(cookie.name.startswith(LOGIN_COOKIE) for cookie in victim.jar)
