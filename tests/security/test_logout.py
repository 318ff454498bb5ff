"""Only a page of this site can sign a browser out (G-01 to G-09)."""

import re

import pytest
from starlette.requests import Request
from starlette.types import ASGIApp

from asgi_tiktok import MemoryStore, StoreError, TikTok, TikTokUser
from asgi_tiktok.emulator import Emulator
from tests.support.browser import Browser
from tests.support.people import AMARA, JUN
from tests.support.requests import send_request
from tests.support.settings import CALLBACK, LOGOUT, ORIGIN, SESSION_COOKIE
from tests.support.tiktok import count_requests

pytestmark = pytest.mark.anyio

EVIL = "https://evil.test"


@pytest.mark.parametrize("method", ["GET", "HEAD"], ids="G-01 {}".format)
@pytest.mark.parametrize("top_level", [True, False], ids=["link", "image"])
@pytest.mark.parametrize("page", [ORIGIN, EVIL], ids=["this site", "another site"])
async def test_get_only_shows_the_confirmation_page(victim: Browser, method: str, top_level: bool, page: str) -> None:
    await victim.sign_in()
    response = await victim.request(LOGOUT, method=method, page=page, top_level=top_level)

    assert response.status == 200
    assert not response.set_cookie_lines
    assert await victim.display_name() == AMARA.display_name


@pytest.mark.parametrize("fetch_metadata", [True, False], ids=["G-02 current browser", "G-02 old browser"])
@pytest.mark.parametrize("page", [EVIL, "https://x.testserver", "http://testserver", f"{ORIGIN}:8443"])
async def test_form_of_another_site_is_rejected(victim: Browser, page: str, fetch_metadata: bool) -> None:
    """The browser does not send the cookie, because of SameSite, but it would obey a deletion in the response."""
    await victim.sign_in()
    response = await victim.request(LOGOUT, method="POST", page=page, fetch_metadata=fetch_metadata)

    assert response.status == 403
    assert not response.set_cookie_lines
    assert await victim.display_name() == AMARA.display_name


SAME_ORIGIN: dict[str, dict[str, str]] = {
    "G-03 same-origin": {"sec-fetch-site": "same-origin"},
    "G-03 same-origin with origin": {"sec-fetch-site": "same-origin", "origin": ORIGIN},
    "G-03 origin alone": {"origin": ORIGIN},
    "G-03 none with our origin": {"sec-fetch-site": "none", "origin": ORIGIN},
    "G-03 page without referrer": {"sec-fetch-site": "same-origin", "origin": "null"},
}
WITHOUT_PROOF: dict[str, list[tuple[str, str]]] = {
    "G-03 cross-site": [("sec-fetch-site", "cross-site")],
    "G-03 same-site": [("sec-fetch-site", "same-site")],
    "G-03 cross-site with our origin": [("sec-fetch-site", "cross-site"), ("origin", ORIGIN)],
    "G-03 same-site with our origin": [("sec-fetch-site", "same-site"), ("origin", ORIGIN)],
    "G-03 cross-site and no-cors": [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
    "G-03 no-cors alone": [("sec-fetch-mode", "no-cors")],
    "G-03 none without origin": [("sec-fetch-site", "none")],
    "G-03 none with null origin": [("sec-fetch-site", "none"), ("origin", "null")],
    "G-03 unknown value": [("sec-fetch-site", "friendly")],
    "G-03 capitals": [("sec-fetch-site", "Same-Origin")],
    "G-03 two values": [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-origin")],
    "G-03 two values, same-origin first": [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
    "G-03 two values in one header": [("sec-fetch-site", "same-origin, cross-site")],
    "G-03 null origin": [("origin", "null")],
    "G-03 empty origin": [("origin", "")],
    "G-03 suffix": [("origin", f"{ORIGIN}.evil.test")],
    "G-03 prefix": [("origin", "https://evil-testserver")],
    "G-03 userinfo": [("origin", f"{ORIGIN}@evil.test")],
    "G-03 plain http": [("origin", ORIGIN.replace("https", "http"))],
    "G-03 another port": [("origin", f"{ORIGIN}:8443")],
    "G-03 origin with a slash": [("origin", f"{ORIGIN}/")],
    "G-03 two origins": [("origin", ORIGIN), ("origin", EVIL)],
    "G-03 two origins in one header": [("origin", f"{ORIGIN} {EVIL}")],
    "G-03 same-origin with a foreign origin": [("sec-fetch-site", "same-origin"), ("origin", EVIL)],
    "G-03 referrer alone": [("referer", f"{ORIGIN}/")],
    "G-03 no header": [],
}


@pytest.mark.legitimate
@pytest.mark.parametrize("headers", SAME_ORIGIN.values(), ids=SAME_ORIGIN.keys())
async def test_request_from_this_site_signs_out(victim: Browser, headers: dict[str, str]) -> None:
    await victim.sign_in()
    cookie = ("cookie", victim.jar.cookie_header(victim.home))

    assert (await send_request(victim.app, "POST", LOGOUT, headers=[cookie, *headers.items()])).status == 303
    assert await victim.display_name() == ""


@pytest.mark.parametrize("headers", WITHOUT_PROOF.values(), ids=WITHOUT_PROOF.keys())
async def test_request_without_proof_of_its_origin_is_rejected(
    victim: Browser, headers: list[tuple[str, str]]
) -> None:
    await victim.sign_in()
    cookie = ("cookie", victim.jar.cookie_header(victim.home))
    response = await send_request(victim.app, "POST", LOGOUT, headers=[cookie, *headers])

    assert response.status == 403
    assert not response.set_cookie_lines
    assert await victim.display_name() == AMARA.display_name


FORMS = {
    "G-03 no token": b"",
    "G-03 empty token": b"csrf_token=",
    "G-03 zeros": b"csrf_token=" + b"0" * 64,
    "G-03 not ASCII": b"csrf_token=%C3%A9%FF",
    "G-03 raw bytes": b"csrf_token=\xff\xfe",
    "G-03 very long": b"csrf_token=" + b"x" * 5000,
    "G-03 right token after a kilobyte": b"x=" + b"x" * 1024 + b"&csrf_token={token}",
    "G-03 right token after a semicolon": b"x=1;csrf_token={token}",
    "G-03 session cookie as the token": b"csrf_token={cookie}",
    "G-03 JSON": b'{"csrf_token": "{token}"}',
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
async def test_form_without_a_valid_csrf_token_is_rejected(victim: Browser, form: bytes) -> None:
    await victim.sign_in()
    token = await csrf_token(victim)
    form = form.replace(b"{token}", token.encode()).replace(b"{cookie}", victim.session_cookie.encode())
    cookie = ("cookie", victim.jar.cookie_header(victim.home))

    assert (await send_request(victim.app, "POST", LOGOUT, headers=[cookie], body=form)).status == 403
    assert await victim.display_name() == AMARA.display_name


@pytest.mark.legitimate
async def test_g03_form_with_the_csrf_token_signs_out(victim: Browser) -> None:
    await victim.sign_in()
    form = f"csrf_token={await csrf_token(victim)}".encode()
    cookie = ("cookie", victim.jar.cookie_header(victim.home))

    assert (await send_request(victim.app, "POST", LOGOUT, headers=[cookie], body=form)).status == 303
    assert await victim.display_name() == ""


async def test_g03_csrf_token_of_another_session_is_rejected(victim: Browser, attacker: Browser) -> None:
    await victim.sign_in()
    await attacker.sign_in()
    form = f"csrf_token={await csrf_token(attacker)}".encode()
    cookie = ("cookie", victim.jar.cookie_header(victim.home))

    assert (await send_request(victim.app, "POST", LOGOUT, headers=[cookie], body=form)).status == 403
    assert await victim.display_name() == AMARA.display_name


async def csrf_token(browser: Browser) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', (await browser.request(LOGOUT)).text)
    assert found
    return found[1]


def genuine_cookies(*browsers: Browser) -> str:
    """Return a Cookie header with the sessions of all these browsers."""
    return "; ".join(f"{SESSION_COOKIE}={browser.session_cookie}" for browser in browsers)


@pytest.mark.parametrize("order", [1, -1], ids=["G-09", "G-09 reversed"])
async def test_sign_out_with_two_genuine_cookies_ends_both_sessions(
    tiktok: TikTok, store: MemoryStore, victim: Browser, attacker: Browser, order: int
) -> None:
    signed_out: list[str] = []

    @tiktok.on_logout
    async def note(user: TikTokUser, request: Request) -> None:
        signed_out.append(user.open_id)

    await victim.sign_in()
    await attacker.sign_in(JUN)
    cookies = genuine_cookies(*[victim, attacker][::order])
    response = await send_request(
        victim.app, "POST", LOGOUT, headers=[("cookie", cookies), ("sec-fetch-site", "same-origin")]
    )

    assert response.status == 303
    assert "Max-Age=0" in response.set_cookie_lines[SESSION_COOKIE]
    assert sorted(signed_out) == sorted([AMARA.open_id, JUN.open_id])
    assert await victim.display_name() == await attacker.display_name() == ""
    assert not any(key.startswith("session:") for key in store._records)


async def test_g09_form_with_the_token_of_both_sessions_ends_both(victim: Browser, attacker: Browser) -> None:
    await victim.sign_in()
    await attacker.sign_in(JUN)
    cookie = ("cookie", genuine_cookies(victim, attacker))
    page = await send_request(victim.app, "GET", LOGOUT, headers=[cookie])
    token = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    response = await send_request(victim.app, "POST", LOGOUT, headers=[cookie], body=f"csrf_token={token}".encode())

    assert response.status == 303
    assert await victim.display_name() == await attacker.display_name() == ""


async def test_g09_token_of_a_planted_session_signs_nobody_out(victim: Browser, attacker: Browser) -> None:
    await victim.sign_in()
    await attacker.sign_in(JUN)
    form = f"csrf_token={await csrf_token(attacker)}".encode()
    for order in (1, -1):
        cookie = ("cookie", genuine_cookies(*[victim, attacker][::order]))
        assert (await send_request(victim.app, "POST", LOGOUT, headers=[cookie], body=form)).status == 403
    assert await victim.display_name() == AMARA.display_name


async def test_g09_sign_out_of_two_sessions_without_a_store_ends_both_in_this_process(
    tiktok: TikTok, store: MemoryStore, victim: Browser, attacker: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await victim.sign_in()
    await attacker.sign_in(JUN)
    cookie = ("cookie", genuine_cookies(victim, attacker))

    async def unavailable(*args: object) -> bool:
        raise StoreError("The store is unavailable.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "delete", unavailable)
        response = await send_request(victim.app, "POST", LOGOUT, headers=[cookie, ("sec-fetch-site", "same-origin")])

    assert response.status == 503
    assert await victim.display_name() == await attacker.display_name() == ""


async def test_g04_second_sign_out_gets_the_same_response(victim: Browser, store: MemoryStore) -> None:
    await victim.sign_in()
    cookie = victim.session_cookie
    first = await victim.sign_out()
    victim.jar.store(victim.home, f"{SESSION_COOKIE}={cookie}; Secure; Path=/")
    second = await victim.sign_out()

    assert (second.status, second.location) == (first.status, first.location)
    assert second.set_cookie_lines == first.set_cookie_lines
    assert SESSION_COOKIE not in victim.jar
    assert not any(key.startswith("session:") for key in store._records)


async def test_g04_sign_out_without_a_session_deletes_no_cookie(victim: Browser, site: ASGIApp) -> None:
    """The browser may not have sent the cookie of a signed-in user, and a deletion would sign that user out."""
    response = await send_request(site, "POST", LOGOUT)

    assert response.status == 303
    assert not response.set_cookie_lines


WRONG_TARGETS = {
    "G-06 whole address": f"{EVIL}/",
    "G-06 two slashes": "//evil.test",
    "G-06 backslash": "/\\evil.test",
    "G-06 tab": "/%09/evil.test",
    "G-06 encoded": "/%252fevil.test",
    "G-06 script URL": "javascript:alert(1)",
    "G-06 the logout route": LOGOUT,
    "G-06 line break": "/x%0d%0aSet-Cookie:a=b",
    "G-06 two values": "/a&next=/b",
}


@pytest.mark.parametrize("target", WRONG_TARGETS.values(), ids=WRONG_TARGETS.keys())
async def test_sign_out_redirects_to_this_site_only(victim: Browser, target: str) -> None:
    await victim.sign_in()
    page = await victim.request(f"{LOGOUT}?next={target}")
    response = await victim.request(f"{LOGOUT}?next={target}", method="POST", page=ORIGIN)

    assert (response.status, response.location) == (303, "/")
    assert 'class="back" href="/"' in page.text
    assert f'action="{LOGOUT}?next=%2F"' in page.text


LINKS = {
    "G-07 login": "/auth/tiktok/login?next=//evil.test",
    "G-07 login with a scope": "/auth/tiktok/login?scopes=video.publish",
    "G-07 callback": CALLBACK,
    "G-07 callback with a forged state": f"{CALLBACK}?code=c&state={'A' * 43}",
    "G-07 callback with an error": f"{CALLBACK}?error=access_denied&state={'A' * 43}",
    "G-07 logout": LOGOUT,
    "G-07 session": "/auth/tiktok/session",
    "G-07 webhook": "/auth/tiktok/webhook",
    "G-07 a page": "/me",
    "G-07 a protected page": "/studio",
}


@pytest.mark.parametrize("top_level", [True, False], ids=["link", "image"])
@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS.keys())
async def test_request_from_another_site_ends_no_session(
    victim: Browser, emulator: Emulator, link: str, top_level: bool
) -> None:
    await victim.sign_in()
    session = victim.session_cookie
    for method in ("GET", "HEAD", "POST"):
        response = await victim.request(link, method=method, page=EVIL, top_level=top_level)
        assert not any(name.startswith(SESSION_COOKIE) for name in response.set_cookie_lines)
        assert "clear-site-data" not in response.headers

    assert victim.session_cookie == session
    assert await victim.display_name() == AMARA.display_name
    assert count_requests(emulator) == 1


async def test_g08_sign_out_deletes_only_our_session_cookie(victim: Browser) -> None:
    await victim.sign_in()
    victim.jar.store(victim.home, "basket=full; Path=/")
    response = await victim.sign_out()

    assert set(response.set_cookie_lines) == {SESSION_COOKIE}
    assert "clear-site-data" not in response.headers
    assert {cookie.name for cookie in victim.jar} == {"basket"}
