"""From the button to the signed-in page."""

from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import CAST, Emulator
from tests.support.app import app
from tests.support.canaries import OLD_SECRET_KEY, SECRET_KEY
from tests.support.login import approve_login, display_name, new_browser, set_cookie_lines, sign_in, start_login
from tests.support.settings import CALLBACK, FETCH, LOGIN_COOKIE, NAVIGATION, ORIGIN, SAME_ORIGIN, SESSION_COOKIE
from tests.support.tiktok import count_requests, new_tiktok

CREATOR, BASIC, FANCY, DASH, *_ = CAST


def test_a_login_attaches_the_user_and_leads_where_it_should(browser: TestClient, emulator: Emulator) -> None:
    back = sign_in(browser, emulator, "next=/me?tab=1")

    assert back.headers["location"] == "/me?tab=1"
    assert browser.get("/me").json() == {
        "name": CREATOR.display_name,
        "id": CREATOR.open_id,
        "scopes": ["authenticated", "user.info.basic"],
    }


def test_the_way_to_tiktok_speaks_tiktoks_dialect(browser: TestClient) -> None:
    query = parse_qs(urlsplit(start_login(browser)).query)

    assert "client_id" not in query
    assert query["response_type"] == ["code"]
    assert query["scope"] == ["user.info.basic"]
    assert query["redirect_uri"] == [ORIGIN + CALLBACK]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["code_challenge"][0]) == 64
    assert set(query["code_challenge"][0]) <= set("0123456789abcdef")
    assert "disable_auto_auth" not in query


def test_nothing_of_the_visitors_query_reaches_tiktok(browser: TestClient) -> None:
    location = start_login(browser, "next=/x&redirect_uri=https://evil.test&state=mine&client_key=theirs&foo=bar")

    assert "evil" not in location
    assert "mine" not in location
    assert "theirs" not in location
    assert "foo" not in location


def test_more_scopes_are_asked_for_when_declared(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator, "scopes=video.list,user.info.stats")

    assert set(browser.get("/me").json()["scopes"]) == {
        "authenticated",
        "user.info.basic",
        "video.list",
        "user.info.stats",
    }
    assert browser.get("/videos").status_code == 200


def test_scopes_that_the_app_did_not_declare_are_refused(browser: TestClient) -> None:
    answer = browser.get("/auth/tiktok/login?scopes=video.publish")

    assert answer.status_code == 400
    assert "This link asks for too much" in answer.text
    assert "set-cookie" not in answer.headers


def test_switching_accounts_shows_tiktoks_page_again(browser: TestClient) -> None:
    assert "disable_auto_auth=1" in start_login(browser, "switch_account=1")


def test_what_was_not_granted_is_not_asked_for(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator, "scopes=user.info.profile,user.info.stats", scopes=["user.info.basic"])

    user = browser.get("/auth/tiktok/session").json()["user"]
    assert user["display_name"] == CREATOR.display_name
    assert user["username"] is None
    assert user["follower_count"] is None


def test_everything_granted_is_there(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator, "scopes=user.info.profile,user.info.stats", person=FANCY)

    user = browser.get("/auth/tiktok/session").json()["user"]
    assert user["display_name"] == 'Zoë "Zip" <b>Quill</b> & Co ✨🎨'
    assert user["is_verified"] is True
    assert user["likes_count"] == 91_000_000_000


def test_an_open_id_may_begin_with_a_dash(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator, person=DASH)

    assert browser.get("/me").json()["id"] == DASH.open_id
    assert DASH.open_id.startswith("-")


def test_the_cookies_are_as_safe_as_cookies_get(browser: TestClient, emulator: Emulator) -> None:
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


def test_answers_on_the_way_are_never_stored_or_framed(browser: TestClient, emulator: Emulator) -> None:
    start = browser.get("/auth/tiktok/login")
    finish = browser.get(emulator.consent(start.headers["location"]))

    for answer in (start, finish, browser.get(CALLBACK), browser.get("/auth/tiktok/logout")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert finish.content == b""


def test_a_next_too_long_for_a_cookie_gives_way(browser: TestClient, emulator: Emulator) -> None:
    assert sign_in(browser, emulator, "next=/" + "x" * 500).headers["location"] == "/"


def test_a_script_is_told_to_navigate(browser: TestClient) -> None:
    answer = browser.get("/auth/tiktok/login?next=/me", headers=FETCH)

    assert answer.status_code == 401
    assert answer.json()["error"] == "login_required"
    assert answer.json()["login_url"] == "/auth/tiktok/login"
    assert "set-cookie" not in answer.headers


def test_visitors_who_never_come_back_leave_nothing(browser: TestClient, store: MemoryStore) -> None:
    for _ in range(50):
        start_login(browser)

    assert len(store.records) == 0


def lost(browser: TestClient, address: str, **headers: str) -> str:
    answer = browser.get(address, headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text.count('class="button" href="/auth/tiktok/login') == 1
    return answer.text


def test_a_login_without_its_cookie_says_so(browser: TestClient, emulator: Emulator) -> None:
    back = approve_login(browser, emulator)
    browser.cookies.clear()

    assert "Your browser did not keep this sign-in" in lost(browser, back)


def test_a_login_from_another_browser_says_so(browser: TestClient, emulator: Emulator) -> None:
    back = approve_login(browser, emulator)
    browser.cookies.clear()

    assert "This sign-in began in another browser" in lost(browser, back, **{"user-agent": "Another/1.0"})


def test_a_login_that_began_at_another_address_says_so(emulator: Emulator) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), redirect_uri="http://localhost:8000/auth/tiktok/callback")
    site = TikTokAuthMiddleware(app, tiktok)
    began = new_browser(site, origin="http://127.0.0.1:8000")
    back = approve_login(began, emulator)
    answer = new_browser(site, origin="http://localhost:8000").get(back)

    assert answer.status_code == 400
    assert "This sign-in began at another address" in answer.text
    assert "Open the app only at http://localhost:8000" in answer.text


def test_a_login_begun_under_a_key_that_is_gone_says_so(emulator: Emulator) -> None:
    old = new_tiktok(httpx2.ASGITransport(emulator), secret_key=OLD_SECRET_KEY)
    began = new_browser(TikTokAuthMiddleware(app, old))
    back = approve_login(began, emulator)
    new = new_tiktok(httpx2.ASGITransport(emulator), secret_key=SECRET_KEY)
    browser = new_browser(TikTokAuthMiddleware(app, new), cookies=began.cookies)

    assert "This sign-in cannot be finished" in lost(browser, back)


def test_a_login_begun_under_a_rotated_key_ends_well(emulator: Emulator) -> None:
    store = MemoryStore()
    old = new_tiktok(httpx2.ASGITransport(emulator), secret_key=OLD_SECRET_KEY, store=store)
    began = new_browser(TikTokAuthMiddleware(app, old))
    back = approve_login(began, emulator)
    rotated = new_tiktok(httpx2.ASGITransport(emulator), secret_key=[SECRET_KEY, OLD_SECRET_KEY], store=store)
    browser = new_browser(TikTokAuthMiddleware(app, rotated), cookies=began.cookies)

    assert browser.get(back).status_code == 303
    assert display_name(browser) == CREATOR.display_name


def test_a_login_that_never_began_says_so(browser: TestClient) -> None:
    assert "This sign-in did not begin here" in lost(browser, f"{CALLBACK}?code=c&state={'A' * 43}")


def test_who_signed_in_at_the_emulator_is_nobody_at_tiktok(
    browser: TestClient, emulator: Emulator, store: MemoryStore
) -> None:
    sign_in(browser, emulator)
    real = TikTokAuthMiddleware(app, new_tiktok(base_url=None, store=store))

    assert display_name(browser) != ""
    assert display_name(TestClient(real, base_url=ORIGIN, cookies=dict(browser.cookies))) == ""


def test_saying_no_at_tiktok_is_no_error(browser: TestClient, emulator: Emulator) -> None:
    back = emulator.consent(start_login(browser, "next=/me"), decision="deny")
    answer = browser.get(back)

    assert answer.status_code == 403
    assert "You cancelled the sign-in" in answer.text
    assert 'href="/auth/tiktok/login?next=%2Fme"' in answer.text
    assert count_requests(emulator) == 0
    assert not any(cookie.startswith(LOGIN_COOKIE) for cookie in browser.cookies)


def test_saying_no_leaves_nothing_behind(browser: TestClient, emulator: Emulator, store: MemoryStore) -> None:
    browser.get(emulator.consent(start_login(browser), decision="deny"))

    assert len(store.records) == 0


def test_a_reload_under_a_key_that_another_worker_does_not_know_yet_is_no_fault(emulator: Emulator) -> None:
    store = MemoryStore()

    def worker(secret_key: object) -> TikTokAuthMiddleware:
        return TikTokAuthMiddleware(
            app, new_tiktok(httpx2.ASGITransport(emulator), secret_key=secret_key, store=store)
        )

    behind, ahead = worker([OLD_SECRET_KEY]), worker([SECRET_KEY, OLD_SECRET_KEY])
    browser = new_browser(behind)
    sign_in(browser, emulator)
    back = approve_login(browser, emulator)
    new_browser(ahead, cookies=browser.cookies).get(back)
    browser.cookies = {cookie: value for cookie, value in browser.cookies.items() if cookie == SESSION_COOKIE}

    assert "This sign-in is already complete" in lost(browser, back)


def test_who_asks_for_json_gets_json(browser: TestClient) -> None:
    answer = browser.get(CALLBACK, headers={"accept": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_callback"
    assert answer.json()["message"] == "The sign-in did not work"
    assert answer.headers["cache-control"] == "no-store"


def test_the_page_refers_to_the_line_in_the_log(browser: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    page = browser.get(CALLBACK, headers=NAVIGATION).text

    (line,) = [record.getMessage() for record in caplog.records if record.name == "asgi_tiktok"]
    reference = line.rsplit(" ", 1)[1]
    assert f"Reference {reference}" in page
    assert "callback: invalid_callback" in line


def test_a_login_on_plain_localhost_uses_plain_cookies(emulator: Emulator) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), redirect_uri="http://localhost:8000/auth/tiktok/callback")
    browser = new_browser(TikTokAuthMiddleware(app, tiktok), origin="http://localhost:8000")
    answer = sign_in(browser, emulator)

    line = set_cookie_lines(answer)["tiktok_session"]
    assert line.endswith("; Path=/; HttpOnly; SameSite=Lax")
    assert display_name(browser) == CREATOR.display_name


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_the_callbacks_query_stays_out_of_the_access_log(tiktok: TikTok, emulator: Emulator, method: str) -> None:
    scopes = []

    async def server(scope, receive, send):  # type: ignore[no-untyped-def]
        scopes.append(scope)
        await TikTokAuthMiddleware(app, tiktok)(scope, receive, send)

    browser = new_browser(server)
    browser.request(method, approve_login(browser, emulator))

    callback = next(scope for scope in scopes if scope["path"] == CALLBACK)
    assert callback["query_string"] == b""


def test_signing_out_and_in_again_is_a_new_session(browser: TestClient, emulator: Emulator) -> None:
    sign_in(browser, emulator)
    first = browser.cookies[SESSION_COOKIE]
    browser.post("/auth/tiktok/logout", headers=SAME_ORIGIN)
    sign_in(browser, emulator)

    assert browser.cookies[SESSION_COOKIE] != first
