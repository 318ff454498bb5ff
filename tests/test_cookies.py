"""The session cookie: its format, its keys, and the cache of verified cookies.

tests/security/test_cookies.py has the attacks on it.
"""

from dataclasses import replace

import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.crypto.keys import Key
from asgi_tiktok.crypto.signer import IdSigner
from asgi_tiktok.emulator import DEFAULT_APP, Emulator
from tests.support.app import app
from tests.support.canaries import OLD_SECRET_KEY, SECRET_KEY
from tests.support.login import display_name, new_browser, set_cookie_lines, sign_in
from tests.support.people import AMARA
from tests.support.settings import ORIGIN, REDIRECT_URI, SESSION_COOKIE
from tests.support.tiktok import new_tiktok


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """A list of the values that every IdSigner has verified since the test began."""
    values: list[bytes] = []
    verify = IdSigner.verify

    def recording_verify(signer: IdSigner, signed: bytes) -> tuple[Key, bytes] | None:
        values.append(signed)
        return verify(signer, signed)

    monkeypatch.setattr(IdSigner, "verify", recording_verify)
    return values


def test_cookie_of_an_ended_session_is_not_deleted(
    browser: TestClient, emulator: Emulator, store: MemoryStore
) -> None:
    """A late response must not delete the cookie of the login that has just replaced it."""
    sign_in(browser, emulator)
    store._records.clear()
    response = browser.get("/me")

    assert response.json()["name"] == ""
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("purpose", ["session-cookie/{audience}/signature", "cookie/{purpose}"])
def test_cookie_in_the_old_format_is_anonymous(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, purpose: str
) -> None:
    """The old format was `<id>.<64 hex digits>`, signed with BLAKE2b under a key of the first purpose."""
    sign_in(browser, emulator)
    sessions = tiktok._sessions
    session_id = browser.cookies[SESSION_COOKIE].partition(".")[0]
    key_purpose = purpose.format(audience=sessions.records.audience, purpose=sessions.records.purpose)
    signature = tiktok._keys.newest.digest(key_purpose, session_id.encode()).hex()
    old = new_browser(browser.app, cookies={SESSION_COOKIE: f"{session_id}.{signature}"})

    assert len(signature) == 64
    assert display_name(browser) == AMARA.display_name
    assert display_name(old) == ""


def test_second_request_does_not_verify_the_cookie_again(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, store: MemoryStore, verifications: list[bytes]
) -> None:
    sign_in(browser, emulator)
    cookie = browser.cookies[SESSION_COOKIE].encode()
    (record_name,) = [name for name in store._records if name.startswith("session:")]

    assert display_name(browser) == AMARA.display_name
    assert verifications == [cookie]
    assert display_name(browser) == AMARA.display_name
    assert verifications == [cookie]
    assert tiktok._sessions.cookies.verified == {cookie: (tiktok._keys.newest, record_name)}


def test_at_most_2000_verified_cookies_are_remembered(tiktok: TikTok, verifications: list[bytes]) -> None:
    sessions = tiktok._sessions
    cookies = [sessions.cookies.signer.sign(b"%d" % number) for number in range(2001)]
    for cookie in cookies:
        assert sessions.cookies.verify(cookie) is not None
    assert len(sessions.cookies.verified) == 2000

    verifications.clear()
    assert sessions.cookies.verify(cookies[1]) is not None
    assert verifications == []
    assert sessions.cookies.verify(cookies[0]) is not None
    assert verifications == [cookies[0]]


def test_forged_cookies_are_not_remembered(tiktok: TikTok) -> None:
    assert tiktok._sessions.cookies.verify(b"forged") is None
    assert tiktok._sessions.cookies.verified == {}


def test_session_of_another_path_is_anonymous_under_the_other_cookie_name(store: MemoryStore) -> None:
    """Two TikTok apps that share client_key, secret_key and store never accept the session of each other."""
    admin_uri = f"{ORIGIN}/admin/tiktok/callback"
    emulator = Emulator([replace(DEFAULT_APP, redirect_uris=(*DEFAULT_APP.redirect_uris, admin_uri))])
    sites: list[TikTokAuthMiddleware] = []
    cookies: list[tuple[str, str]] = []
    for path, redirect_uri in (("/auth/tiktok", REDIRECT_URI), ("/admin/tiktok", admin_uri)):
        tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store, path=path, redirect_uri=redirect_uri)
        site = TikTokAuthMiddleware(app, tiktok)
        browser = new_browser(site)
        login = browser.get(f"{path}/login")
        callback = browser.get(emulator.consent(login.headers["location"]))
        (name,) = [name for name in set_cookie_lines(callback) if name.startswith(SESSION_COOKIE)]
        sites.append(site)
        cookies.append((name, browser.cookies[name]))
    (site, admin), ((name, value), (admin_name, admin_value)) = sites, cookies

    assert name != admin_name
    assert display_name(new_browser(site, cookies={name: value})) == AMARA.display_name
    assert display_name(new_browser(admin, cookies={admin_name: admin_value})) == AMARA.display_name
    assert display_name(new_browser(site, cookies={name: admin_value})) == ""
    assert display_name(new_browser(admin, cookies={admin_name: value})) == ""


def test_session_survives_a_rotation_of_the_keys(emulator: Emulator) -> None:
    store = MemoryStore()

    def browser_of(secret_key: object) -> TestClient:
        tiktok = new_tiktok(httpx2.ASGITransport(emulator), secret_key=secret_key, store=store)
        return new_browser(TikTokAuthMiddleware(app, tiktok))

    old = browser_of(OLD_SECRET_KEY)
    sign_in(old, emulator)

    def name_with(secret_key: object) -> str:
        browser = browser_of(secret_key)
        browser.cookies = old.cookies
        return display_name(browser)

    assert name_with([SECRET_KEY, OLD_SECRET_KEY]) == AMARA.display_name
    assert name_with(SECRET_KEY) == ""
    assert name_with(OLD_SECRET_KEY) == AMARA.display_name
