"""The browsers of this suite refuse what real ones refuse, or a passed test would prove nothing."""

import pytest

from asgi_tiktok.emulator import Emulator
from tests.support.browser import Browser
from tests.support.clock import Clock
from tests.support.cookies import CookieJar
from tests.support.next_paths import CASES
from tests.support.settings import LOGIN_COOKIE, SESSION_COOKIE
from tests.support.urls import URL, InvalidURL
from tests.support.whatwg import node_parser

HERE = URL.parse("https://app.example.com/auth/tiktok/callback")
PLAIN = URL.parse("http://app.example.com/")
SIBLING = URL.parse("https://evil.example.com/")
GOOD = "__Host-s=1; Path=/; Secure"

IGNORED = {
    "__Host- without Secure": "__Host-s=1; Path=/",
    "__Host- without Path": "__Host-s=1; Secure",
    "__Host- with another Path": "__Host-s=1; Secure; Path=/auth",
    "__Host- with a Domain": "__Host-s=1; Secure; Path=/; Domain=example.com",
    "__HOST- likewise": "__HOST-s=1; Path=/",
    "__Secure- without Secure": "__Secure-s=1",
    "nameless, but looks like one": "=__Host-s=1; Secure; Path=/",
    "a bare word that looks like one": "__Host-s; Secure; Path=/",
    "another's Domain": "s=1; Domain=evil.test",
    "a suffix that is none": "s=1; Domain=ple.com",
    "a whole top-level domain": "s=1; Domain=com",
    "larger than 4096 bytes": "s=" + "x" * 4096,
    "a control character": "s=a\x01b",
}


@pytest.mark.parametrize("line", IGNORED.values(), ids=IGNORED.keys())
def test_cookie_that_browsers_reject_is_rejected(line: str) -> None:
    jar = CookieJar()

    assert not jar.store(HERE, line)
    assert jar.cookie_header(HERE) == ""


def test_valid_host_cookie_is_sent_to_its_own_host_over_https_only() -> None:
    jar = CookieJar()

    assert jar.store(HERE, GOOD)
    assert jar.cookie_header(HERE) == "__Host-s=1"
    assert jar.cookie_header(SIBLING) == ""
    assert jar.cookie_header(PLAIN) == ""


def test_sibling_host_can_set_a_domain_cookie_but_no_host_cookie() -> None:
    jar = CookieJar()
    jar.store(HERE, GOOD)

    assert jar.store(SIBLING, "s=evil; Domain=example.com; Path=/auth")
    assert not jar.store(SIBLING, "__Host-s=evil; Domain=example.com; Path=/; Secure")
    assert jar.cookie_header(HERE) == "s=evil; __Host-s=1"


@pytest.mark.parametrize("deletion", ["Max-Age=0", "Max-Age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
def test_host_cookie_is_deleted_only_with_its_required_attributes(deletion: str) -> None:
    jar = CookieJar()
    jar.store(HERE, GOOD)
    jar.store(HERE, f"__Host-s=; {deletion}")
    jar.store(HERE, f"__Host-s=; {deletion}; Path=/")
    assert "__Host-s" in jar
    jar.store(HERE, f"__Host-s=; {deletion}; Path=/; Secure")
    assert "__Host-s" not in jar


def test_plain_http_neither_reads_nor_replaces_a_secure_cookie() -> None:
    jar = CookieJar()
    jar.store(HERE, "s=1; Secure; Path=/")

    assert not jar.store(PLAIN, "s=evil; Path=/")
    assert not jar.store(PLAIN, "t=evil; Secure")
    assert jar.cookie_header(HERE) == "s=1"


def test_cookie_expires_after_max_age(clock: Clock) -> None:
    jar = CookieJar()
    jar.store(HERE, "s=1; Max-Age=600; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/")
    clock.advance(599)
    assert jar.cookie_header(HERE) == "s=1"
    clock.advance(2)
    assert jar.cookie_header(HERE) == ""


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
        jar.store(HERE, f"{value}=1; Path=/; Secure; SameSite={value}")
    jar.store(HERE, "default=1; Path=/")
    header = jar.cookie_header(HERE, same_site=same_site, top_level=top_level, safe=safe)

    assert {pair.partition("=")[0] for pair in header.split("; ")} == sent


def test_same_site_decides_which_responses_can_set_a_cookie() -> None:
    jar = CookieJar()

    assert not jar.store(HERE, "s=1; SameSite=Lax", same_site=False, top_level=False)
    assert jar.store(HERE, "s=1; SameSite=Lax", same_site=False, top_level=True)


def test_cookie_paths_match_by_segment_and_the_longest_path_comes_first() -> None:
    jar = CookieJar()
    for path in ("/", "/auth", "/auth/tik"):
        jar.store(HERE, f"s{len(path)}=1; Path={path}")

    assert jar.cookie_header(HERE) == "s5=1; s1=1"


@pytest.mark.parametrize(
    ("reference", "leads_to"),
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
def test_reference_resolves_as_in_a_browser(reference: str, leads_to: str) -> None:
    assert str(HERE.join(reference)) == leads_to


@pytest.mark.parametrize("reference", ["javascript:alert(1)", "data:text/html,x"])
def test_url_of_another_scheme_has_a_null_origin(reference: str) -> None:
    assert HERE.join(reference).origin == "null"


@pytest.mark.parametrize("reference", ["//", "//evil test", "https://a:b/", "//[x"])
def test_invalid_reference_raises(reference: str) -> None:
    with pytest.raises(InvalidURL):
        HERE.join(reference)


def test_node_agrees_which_references_stay_on_the_origin() -> None:
    references = [case["value"] for case in CASES if isinstance(case["value"], str)]
    places = node_parser().resolve((reference, str(HERE)) for reference in references)
    told = [place is not None and place.origin == HERE.origin for place in places]

    assert dict(zip(references, told, strict=True)) == {value: stays(value) for value in references}


def stays(reference: str) -> bool:
    try:
        return HERE.join(reference).origin == HERE.origin
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
