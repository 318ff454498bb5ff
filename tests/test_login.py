"""The login, from the link to the signed-in page, and the page for each cause of a lost login."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import CAST, DEFAULT_APP, Emulator
from tests.support.app import app
from tests.support.canaries import OLD_SECRET_KEY, SECRET_KEY
from tests.support.login import approve_login, display_name, new_browser, set_cookie_lines, sign_in, start_login
from tests.support.settings import CALLBACK, FETCH, LOGIN_COOKIE, NAVIGATION, ORIGIN, SAME_ORIGIN, SESSION_COOKIE
from tests.support.tiktok import count_requests, new_tiktok

CREATOR, BASIC, FANCY, DASH, *_ = CAST


def test_login_attaches_the_user_and_redirects_to_next(browser: TestClient, emulator: Emulator) -> None:
    response = sign_in(browser, emulator, "next=/me?tab=1")

    assert response.headers["location"] == "/me?tab=1"
    assert browser.get("/me").json() == {
        "name": CREATOR.display_name,
        "id": CREATOR.open_id,
        "scopes": ["authenticated", "user.info.basic"],
    }


def test_authorization_url_has_tiktoks_parameters(browser: TestClient) -> None:
    query = parse_qs(urlsplit(start_login(browser)).query)

    assert "client_id" not in query
    assert query["response_type"] == ["code"]
    assert query["scope"] == ["user.info.basic"]
    assert query["redirect_uri"] == [ORIGIN + CALLBACK]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["code_challenge"][0]) == 64
    assert set(query["code_challenge"][0]) <= set("0123456789abcdef")
    assert "disable_auto_auth" not in query


def test_query_of_the_visitor_never_reaches_tiktok(browser: TestClient) -> None:
    plain = parse_qs(urlsplit(start_login(browser)).query)
    hostile = "next=/x&redirect_uri=https://evil.test&state=chosen.state&client_key=theirs&foo=bar"
    query = parse_qs(urlsplit(start_login(browser, hostile)).query)

    assert query.keys() == plain.keys()
    for name in ("client_key", "redirect_uri", "response_type", "scope"):
        assert query[name] == plain[name]
    assert query["state"] != ["chosen.state"]


def test_login_requests_declared_optional_scopes(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator, "scopes=video.list,user.info.stats")

    assert set(browser.get("/me").json()["scopes"]) == {
        "authenticated",
        "user.info.basic",
        "video.list",
        "user.info.stats",
    }
    assert browser.get("/videos").status_code == 200


def test_undeclared_scopes_are_refused(browser: TestClient) -> None:
    response = browser.get("/auth/tiktok/login?scopes=video.publish")

    assert response.status_code == 400
    assert "This link asks for too much" in response.text
    assert "set-cookie" not in response.headers


def test_switch_account_turns_automatic_authorization_off(browser: TestClient) -> None:
    assert "disable_auto_auth=1" in start_login(browser, "switch_account=1")


def test_fields_of_denied_scopes_are_none(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator, "scopes=user.info.profile,user.info.stats", scopes=["user.info.basic"])

    user = browser.get("/auth/tiktok/session").json()["user"]
    assert user["display_name"] == CREATOR.display_name
    assert user["username"] is None
    assert user["follower_count"] is None


def test_fields_of_granted_scopes_are_set(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator, "scopes=user.info.profile,user.info.stats", person=FANCY)

    user = browser.get("/auth/tiktok/session").json()["user"]
    assert user["display_name"] == 'Zoë "Zip" <b>Quill</b> & Co ✨🎨'
    assert user["is_verified"] is True
    assert user["likes_count"] == 91_000_000_000


def test_open_id_can_begin_with_a_dash(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator, person=DASH)

    assert browser.get("/me").json()["id"] == DASH.open_id
    assert DASH.open_id.startswith("-")


def test_cookies_have_the_strictest_attributes(browser: TestClient, emulator: Emulator) -> None:
    start = browser.get("/auth/tiktok/login")
    ((pending, line),) = set_cookie_lines(start).items()
    assert pending.startswith(LOGIN_COOKIE)
    assert line.endswith("; Max-Age=600; Path=/; HttpOnly; SameSite=Lax; Secure")

    finish = browser.get(emulator.consent(start.headers["location"]))
    lines = set_cookie_lines(finish)
    assert set(lines) == {pending, SESSION_COOKIE}
    assert (
        "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; SameSite=Lax; Secure" in lines[pending]
    )
    assert lines[SESSION_COOKIE].endswith("; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax; Secure")


def test_responses_of_our_routes_are_never_cached_or_framed(browser: TestClient, emulator: Emulator) -> None:
    start = browser.get("/auth/tiktok/login")
    finish = browser.get(emulator.consent(start.headers["location"]))

    for response in (start, finish, browser.get(CALLBACK), browser.get("/auth/tiktok/logout")):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert finish.content == b""


def test_next_that_does_not_fit_into_the_cookie_becomes_default_next(browser: TestClient, emulator: Emulator) -> None:
    assert sign_in(browser, emulator, "next=/" + "x" * 1024).headers["location"] == "/"


def test_fetch_of_the_login_gets_401_with_the_login_url(browser: TestClient) -> None:
    response = browser.get("/auth/tiktok/login?next=/me", headers=FETCH)

    assert response.status_code == 401
    assert response.json()["error"] == "login_required"
    assert response.json()["login_url"] == "/auth/tiktok/login?next=%2Fme"
    assert "set-cookie" not in response.headers


def test_unfinished_logins_leave_nothing_in_the_store(browser: TestClient, store: MemoryStore) -> None:
    for _ in range(50):
        start_login(browser)

    assert len(store._records) == 0


def lost_login_page(browser: TestClient, callback_url: str, **headers: str) -> str:
    """Open the callback of a lost login and return the page, which has one button to start again."""
    response = browser.get(callback_url, headers=headers)
    assert response.status_code == 400
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.text.count('class="button" href="/auth/tiktok/login') == 1
    return response.text


def test_missing_cookie_is_reported(browser: TestClient, emulator: Emulator) -> None:
    callback_url = approve_login(browser, emulator)
    browser.cookies.clear()

    assert "Your browser did not keep this sign-in" in lost_login_page(browser, callback_url)


def test_login_that_began_in_another_browser_is_reported(browser: TestClient, emulator: Emulator) -> None:
    callback_url = approve_login(browser, emulator)
    browser.cookies.clear()

    assert "This sign-in began in another browser" in lost_login_page(
        browser, callback_url, **{"user-agent": "Another/1.0"}
    )


def test_login_that_began_at_another_address_is_reported(emulator: Emulator) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), redirect_uri="http://localhost:8000/auth/tiktok/callback")
    site = TikTokAuthMiddleware(app, tiktok)
    began = new_browser(site, origin="http://127.0.0.1:8000")
    callback_url = approve_login(began, emulator)
    response = new_browser(site, origin="http://localhost:8000").get(callback_url)

    assert response.status_code == 400
    assert "This sign-in began at another address" in response.text
    assert "Open the app at http://localhost:8000" in response.text


def test_login_that_began_under_a_removed_key_is_reported(emulator: Emulator) -> None:
    old = new_tiktok(httpx2.ASGITransport(emulator), secret_key=OLD_SECRET_KEY)
    began = new_browser(TikTokAuthMiddleware(app, old))
    callback_url = approve_login(began, emulator)
    new = new_tiktok(httpx2.ASGITransport(emulator), secret_key=SECRET_KEY)
    browser = new_browser(TikTokAuthMiddleware(app, new), cookies=began.cookies)

    assert "This sign-in cannot be finished" in lost_login_page(browser, callback_url)


def test_login_that_began_under_a_rotated_key_completes(emulator: Emulator) -> None:
    store = MemoryStore()
    old = new_tiktok(httpx2.ASGITransport(emulator), secret_key=OLD_SECRET_KEY, store=store)
    began = new_browser(TikTokAuthMiddleware(app, old))
    callback_url = approve_login(began, emulator)
    rotated = new_tiktok(httpx2.ASGITransport(emulator), secret_key=[SECRET_KEY, OLD_SECRET_KEY], store=store)
    browser = new_browser(TikTokAuthMiddleware(app, rotated), cookies=began.cookies)

    assert browser.get(callback_url).status_code == 303
    assert display_name(browser) == CREATOR.display_name


def test_login_that_never_began_here_is_reported(browser: TestClient) -> None:
    assert "This sign-in did not begin here" in lost_login_page(browser, f"{CALLBACK}?code=c&state={'A' * 43}")


def test_session_from_the_emulator_is_anonymous_with_the_real_tiktok(
    store: MemoryStore,
) -> None:
    own: dict[str, Any] = {"client_key": "awown", "client_secret": "own-secret"}
    emulator = Emulator([replace(DEFAULT_APP, client_key="awown", client_secret="own-secret")])
    browser = new_browser(TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator), store=store, **own)))
    sign_in(browser, emulator)
    real = TikTokAuthMiddleware(app, new_tiktok(base_url=None, store=store, **own))
    cookies = dict(browser.cookies)

    assert display_name(new_browser(browser.app, cookies=cookies)) == CREATOR.display_name
    assert display_name(new_browser(real, cookies=cookies)) == ""


def test_cancelled_login_shows_a_page_and_requests_no_token(browser: TestClient, emulator: Emulator) -> None:
    callback_url = emulator.consent(start_login(browser, "next=/me"), decision="deny")
    response = browser.get(callback_url)

    assert response.status_code == 403
    assert "You cancelled the sign-in" in response.text
    assert 'href="/auth/tiktok/login?next=%2Fme"' in response.text
    assert count_requests(emulator) == 0
    assert not any(cookie.startswith(LOGIN_COOKIE) for cookie in browser.cookies)


def test_cancelled_login_leaves_nothing_in_the_store(
    browser: TestClient, emulator: Emulator, store: MemoryStore
) -> None:
    response = browser.get(emulator.consent(start_login(browser), decision="deny"))

    assert response.status_code == 403
    assert len(store._records) == 0


def test_reload_at_a_worker_without_the_newest_key_reports_a_used_login(emulator: Emulator) -> None:
    store = MemoryStore()

    def worker(secret_key: object) -> TikTokAuthMiddleware:
        return TikTokAuthMiddleware(
            app, new_tiktok(httpx2.ASGITransport(emulator), secret_key=secret_key, store=store)
        )

    without_new_key, with_new_key = worker([OLD_SECRET_KEY]), worker([SECRET_KEY, OLD_SECRET_KEY])
    browser = new_browser(without_new_key)
    sign_in(browser, emulator)
    callback_url = approve_login(browser, emulator)
    assert new_browser(with_new_key, cookies=browser.cookies).get(callback_url).status_code == 303
    browser.cookies = {cookie: value for cookie, value in browser.cookies.items() if cookie == SESSION_COOKIE}

    assert "This sign-in is already complete" in lost_login_page(browser, callback_url)


def test_client_that_accepts_json_gets_the_error_as_json(browser: TestClient) -> None:
    response = browser.get(CALLBACK, headers={"accept": "application/json"})

    assert response.status_code == 400
    assert response.json()["error"] == "invalid_callback"
    assert response.json()["message"] == "The sign-in did not work"
    assert response.headers["cache-control"] == "no-store"


def test_error_page_shows_the_reference_of_its_log_line(
    browser: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    page = browser.get(CALLBACK, headers=NAVIGATION).text

    (line,) = [record.getMessage() for record in caplog.records if record.name == "asgi_tiktok"]
    reference = line.rsplit(" ", 1)[1]
    assert f"Reference <bdi>{reference}</bdi>" in page
    assert "callback: invalid_callback" in line


def test_cookies_on_http_localhost_are_neither_secure_nor_prefixed(emulator: Emulator) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), redirect_uri="http://localhost:8000/auth/tiktok/callback")
    browser = new_browser(TikTokAuthMiddleware(app, tiktok), origin="http://localhost:8000")
    response = sign_in(browser, emulator)

    line = set_cookie_lines(response)["tiktok_session.8000"]
    assert line.endswith("; Path=/; HttpOnly; SameSite=Lax")
    assert display_name(browser) == CREATOR.display_name


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_callback_query_stays_out_of_the_access_log(tiktok: TikTok, emulator: Emulator, method: str) -> None:
    scopes = []

    async def server(scope, receive, send):  # type: ignore[no-untyped-def]
        scopes.append(scope)
        await TikTokAuthMiddleware(app, tiktok)(scope, receive, send)

    browser = new_browser(server)
    browser.request(method, approve_login(browser, emulator))

    callback = next(scope for scope in scopes if scope["path"] == CALLBACK)
    assert callback["query_string"] == b""


def test_login_after_a_sign_out_creates_a_new_session_id(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator)
    first = browser.cookies[SESSION_COOKIE]
    browser.post("/auth/tiktok/logout", headers=SAME_ORIGIN)
    sign_in(browser, emulator)

    assert browser.cookies[SESSION_COOKIE] != first
