"""`TikTok`: its settings, its repr, and the lifetime of its sessions."""

from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import ConfigurationError, MemoryStore, SQLiteStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import DEFAULT_CLIENT_SECRET, Emulator
from tests.support.app import app
from tests.support.canaries import OLD_SECRET_KEY, SECRET_KEY
from tests.support.clock import Clock
from tests.support.login import display_name, new_browser, sign_in
from tests.support.people import AMARA, JUN
from tests.support.settings import ORIGIN, REDIRECT_URI, SESSION_COOKIE
from tests.support.tiktok import new_tiktok

ENVIRONMENT = {
    "TIKTOK_CLIENT_KEY": "awkey",
    "TIKTOK_CLIENT_SECRET": "a-secret",
    "TIKTOK_REDIRECT_URI": REDIRECT_URI,
    "TIKTOK_SECRET_KEY": f"{SECRET_KEY}, {OLD_SECRET_KEY}",
    "TIKTOK_SCOPES": "user.info.basic, video.list",
    "TIKTOK_STORE": "memory://",
    "TIKTOK_BASE_URL": "http://127.0.0.1:8700",
}


def test_from_env_reads_every_variable() -> None:
    tiktok = TikTok.from_env(ENVIRONMENT)

    assert tiktok._client.client_key == "awkey"
    assert tiktok._client.scopes == ("user.info.basic", "video.list")
    assert tiktok._client._endpoints.token == "http://127.0.0.1:8700/v2/oauth/token/"
    assert len(list(tiktok._keys)) == 2
    assert isinstance(tiktok._store, MemoryStore)


@pytest.mark.parametrize("variable", list(ENVIRONMENT)[:4])
def test_error_names_a_missing_variable_and_the_fix(variable: str) -> None:
    environment = {**ENVIRONMENT, variable: "  "}
    with pytest.raises(ConfigurationError, match=rf"{variable} is not set\. ."):
        TikTok.from_env(environment)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TIKTOK_REDIRECT_URI", "http://app.example.com/cb"),
        ("TIKTOK_SECRET_KEY", "weak"),
        ("TIKTOK_SCOPES", "video_list"),
        ("TIKTOK_BASE_URL", "http://evil.test"),
        ("TIKTOK_CLIENT_KEY", "white space"),
        ("TIKTOK_STORE", "mongodb://x"),
        ("TIKTOK_SCOPES", ","),
    ],
)
def test_error_names_a_variable_with_an_invalid_value(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{variable}"):
        TikTok.from_env({**ENVIRONMENT, variable: value})


def test_arguments_override_the_environment() -> None:
    environment = {**ENVIRONMENT, "TIKTOK_SECRET_KEY": ""}

    assert TikTok.from_env(environment, secret_key=SECRET_KEY, client_key="other")._client.client_key == "other"


@pytest.mark.parametrize(
    ("settings", "fix"),
    [
        ({"store": "mongodb://me:password@host"}, "sqlite:///"),
        ({"store": "sqlite://"}, "sqlite:///"),
        ({"store": "store.sqlite3"}, "sqlite:///"),
        ({"path": "/auth/"}, "without a slash"),
        ({"path": "auth"}, "/auth/tiktok"),
        ({"path": "/"}, "/auth/tiktok"),
        ({"redirect_uri": f"{ORIGIN}/auth/tiktok/login"}, "login route"),
        (
            {"redirect_uri": "https://localhost/"},
            "would replace the start page .* https://localhost/auth/tiktok/callback",
        ),
        ({"default_next": "https://elsewhere.test"}, "default_next"),
        ({"default_next": "/auth/tiktok/login"}, "default_next"),
        ({"idle_timeout": 5}, "number of seconds"),
        ({"idle_timeout": "3600"}, "number of seconds"),
        ({"idle_timeout": None}, "number of seconds"),
        ({"absolute_timeout": 0}, "number of seconds"),
        ({"idle_timeout": 7200, "absolute_timeout": 3600}, "absolute_timeout=7200 or more"),
        ({"keep_tokens": "no"}, "True or False"),
        ({"path": None}, "path must be a string"),
        ({"default_next": None}, "default_next must be a string"),
        ({"store": None}, "must be a URL or a store object"),
        ({"store": object()}, "must be a URL or a store object"),
        ({"store": ""}, "has no scheme"),
        ({"store": "sqlite:///:memory:"}, "memory://"),
        ({"store": "redis://[bad"}, "not a URL"),
        ({"store": "postgresql+asyncpg://u:password@password:x@h/x"}, "postgresql"),
        ({"optional_scopes": None}, "optional_scopes must be a tuple"),
        ({"optional_scopes": "video.list"}, "tuple"),
    ],
)
def test_setting_that_cannot_work_is_an_error_with_the_fix(settings: dict[str, Any], fix: str) -> None:
    with pytest.raises(ConfigurationError, match=fix) as caught:
        new_tiktok(**settings)

    assert "password" not in str(caught.value)


def test_store_can_be_a_url_or_an_object() -> None:
    assert repr(new_tiktok(store="sqlite:///data/t.sqlite3")._store) == "SQLiteStore('data/t.sqlite3')"
    assert repr(new_tiktok(store="sqlite:////var/t%20t.sqlite3")._store) == "SQLiteStore('/var/t t.sqlite3')"
    store = MemoryStore()
    assert new_tiktok(store=store)._store is store


def test_default_store_is_an_sqlite_file_that_is_opened_at_its_first_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    tiktok = TikTok("k", "s", REDIRECT_URI, SECRET_KEY)

    assert isinstance(tiktok._store, SQLiteStore)
    assert str(tiktok._store._path) == ".asgi-tiktok/store.sqlite3"
    assert not tiktok._store._path.exists()


def test_no_repr_contains_a_secret() -> None:
    tiktok = new_tiktok()
    for value in (tiktok, tiktok._client, tiktok._keys, tiktok._keys.newest, tiktok._store):
        assert SECRET_KEY not in repr(value)
        assert DEFAULT_CLIENT_SECRET not in repr(value)


class TestSessions:
    def test_end_after_the_idle_timeout(self, browser: TestClient, emulator: Emulator, clock: Clock) -> None:
        sign_in(browser, emulator)
        clock.advance(7 * 86_400 - 5)
        assert display_name(browser) != ""
        clock.advance(7 * 86_400 + 5)
        assert display_name(browser) == ""

    def test_end_after_the_absolute_timeout_even_if_they_are_used(self, emulator: Emulator, clock: Clock) -> None:
        # Each client gets the cookie again, because a cookie jar drops it after 30 days.
        browser = new_browser(TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator))))
        sign_in(browser, emulator)
        cookie = dict(browser.cookies)
        days = 0
        while display_name(TestClient(browser.app, base_url=ORIGIN, cookies=cookie)) and days < 60:
            clock.advance(86_400)
            days += 1
        assert days == 30

    def test_are_touched_at_most_once_in_five_minutes(
        self, browser: TestClient, emulator: Emulator, store: MemoryStore, clock: Clock
    ) -> None:
        sign_in(browser, emulator)
        key = next(key for key in store._records if key.startswith("session:"))
        written = store._records[key]
        clock.advance(240)
        display_name(browser)
        assert store._records[key] is written
        clock.advance(120)
        display_name(browser)
        touched = store._records[key]
        assert touched is not written
        assert touched.ends_at > written.ends_at
        assert touched.owner == written.owner

    def test_of_one_user_end_together(self, tiktok: TikTok, emulator: Emulator) -> None:
        browsers = [new_browser(TikTokAuthMiddleware(app, tiktok)) for _ in range(3)]
        for browser, person in zip(browsers, (AMARA, AMARA, JUN), strict=True):
            sign_in(browser, emulator, person=person)

        assert anyio.run(tiktok.end_sessions, AMARA.open_id) == 2
        assert [display_name(browser) for browser in browsers] == ["", "", "Jun"]

    def test_leave_no_usable_cookie_in_the_store(
        self, browser: TestClient, emulator: Emulator, store: MemoryStore
    ) -> None:
        sign_in(browser, emulator)
        stolen = repr(store._records)

        session_id, _, signature = browser.cookies[SESSION_COOKIE].partition(".")
        assert session_id not in stolen
        assert signature not in stolen
        assert AMARA.display_name not in stolen
        assert "act.emulator" not in stolen

    def test_work_without_stored_tokens(self, emulator: Emulator, store: MemoryStore) -> None:
        tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store, keep_tokens=False)
        browser = new_browser(TikTokAuthMiddleware(app, tiktok))
        sign_in(browser, emulator)

        assert display_name(browser) != ""
        assert not any(key.startswith("token:") for key in store._records)
