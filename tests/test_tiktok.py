"""One TikTok app, configured."""

from typing import Any

import anyio
import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import ConfigurationError, MemoryStore, SQLiteStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import Emulator
from tests.support.app import app
from tests.support.canaries import SECRET_KEY
from tests.support.clock import Clock
from tests.support.login import display_name, new_browser, sign_in
from tests.support.people import AMARA, JUN
from tests.support.settings import ORIGIN, REDIRECT_URI
from tests.support.tiktok import new_tiktok

ENVIRONMENT = {
    "TIKTOK_CLIENT_KEY": "awkey",
    "TIKTOK_CLIENT_SECRET": "a-secret",
    "TIKTOK_REDIRECT_URI": REDIRECT_URI,
    "TIKTOK_SECRET_KEY": f"{SECRET_KEY}, abcdefghijklmnopqrstuvwxyz-0123456789",
    "TIKTOK_SCOPES": "user.info.basic, video.list",
    "TIKTOK_STORE": "memory://",
    "TIKTOK_BASE_URL": "http://127.0.0.1:8700",
}


def test_the_environment_says_it_all() -> None:
    tiktok = TikTok.from_env(ENVIRONMENT)

    assert tiktok._client.client_key == "awkey"
    assert tiktok._client.scopes == ("user.info.basic", "video.list")
    assert tiktok._client._endpoints.token == "http://127.0.0.1:8700/v2/oauth/token/"
    assert len(list(tiktok._keys)) == 2
    assert isinstance(tiktok._store, MemoryStore)


@pytest.mark.parametrize("variable", list(ENVIRONMENT)[:4])
def test_a_missing_variable_is_named_with_its_cure(variable: str) -> None:
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
def test_a_wrong_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{variable}"):
        TikTok.from_env({**ENVIRONMENT, variable: value})


def test_arguments_go_before_the_environment() -> None:
    environment = {**ENVIRONMENT, "TIKTOK_SECRET_KEY": ""}

    assert TikTok.from_env(environment, secret_key=SECRET_KEY, client_key="other")._client.client_key == "other"


@pytest.mark.parametrize(
    ("settings", "cure"),
    [
        ({"store": "mongodb://me:password@host"}, "sqlite:///"),
        ({"store": "sqlite://"}, "sqlite:///"),
        ({"store": "store.sqlite3"}, "sqlite:///"),
        ({"path": "/auth/"}, "without a slash"),
        ({"path": "auth"}, "/auth/tiktok"),
        ({"path": "/"}, "/auth/tiktok"),
        ({"redirect_uri": f"{ORIGIN}/auth/tiktok/login"}, "login route"),
        ({"default_next": "https://elsewhere.test"}, "default_next"),
        ({"default_next": "/auth/tiktok/login"}, "default_next"),
        ({"idle_timeout": 5}, "number of seconds"),
        ({"idle_timeout": "3600"}, "number of seconds"),
        ({"idle_timeout": None}, "number of seconds"),
        ({"absolute_timeout": 0}, "number of seconds"),
        ({"idle_timeout": 7200, "absolute_timeout": 3600}, "at least 7200"),
        ({"keep_tokens": "no"}, "True or False"),
        ({"path": None}, "path must be a string"),
        ({"default_next": None}, "default_next must be a string"),
        ({"store": None}, "which is not a store"),
        ({"store": object()}, "which is not a store"),
        ({"store": ""}, "has no scheme"),
        ({"store": "sqlite:///:memory:"}, "memory://"),
        ({"store": "redis://[bad"}, "not a URL"),
        ({"store": "postgresql+asyncpg://u:PASS@W0RD:x@h/x"}, "postgresql"),
        ({"optional_scopes": None}, "optional_scopes must be a tuple"),
        ({"optional_scopes": "video.list"}, "tuple"),
    ],
)
def test_a_setting_that_cannot_work_says_so(settings: dict[str, Any], cure: str) -> None:
    with pytest.raises(ConfigurationError, match=cure) as caught:
        new_tiktok(**settings)

    assert "password" not in str(caught.value)


def test_a_store_may_be_a_path_or_an_object() -> None:
    assert repr(new_tiktok(store="sqlite:///data/t.sqlite3")._store) == "SQLiteStore('data/t.sqlite3')"
    assert repr(new_tiktok(store="sqlite:////var/t%20t.sqlite3")._store) == "SQLiteStore('/var/t t.sqlite3')"
    store = MemoryStore()
    assert new_tiktok(store=store)._store is store


def test_the_default_store_is_a_file_that_nobody_opens_before_its_time() -> None:
    tiktok = TikTok("k", "s", REDIRECT_URI, SECRET_KEY)

    assert isinstance(tiktok._store, SQLiteStore)
    assert str(tiktok._store.path) == ".asgi-tiktok/store.sqlite3"
    assert not tiktok._store.path.exists()


def test_nothing_shows_its_secrets() -> None:
    tiktok = new_tiktok()
    for thing in (tiktok, tiktok._client, tiktok._keys, tiktok._keys.newest, tiktok._store):
        assert SECRET_KEY not in repr(thing)
        assert tiktok._client._client_secret not in repr(thing)


class TestSessions:
    def test_end_when_nobody_comes(self, browser: TestClient, emulator: Emulator, clock: Clock) -> None:
        sign_in(browser, emulator)
        clock.advance(7 * 86_400 - 5)
        assert display_name(browser) != ""
        clock.advance(7 * 86_400 + 5)
        assert display_name(browser) == ""

    def test_end_after_a_month_however_often_somebody_comes(self, emulator: Emulator, clock: Clock) -> None:
        # A real jar would have dropped the cookie by then, too.
        browser = new_browser(TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator))))
        sign_in(browser, emulator)
        cookie = dict(browser.cookies)
        days = 0
        while display_name(TestClient(browser.app, base_url=ORIGIN, cookies=cookie)) and days < 60:
            clock.advance(86_400)
            days += 1
        assert days == 30

    def test_are_touched_every_few_minutes_only(
        self, browser: TestClient, emulator: Emulator, store: MemoryStore, clock: Clock
    ) -> None:
        sign_in(browser, emulator)
        key = next(key for key in store.records if key.startswith("session:"))
        written = store.records[key]
        clock.advance(240)
        display_name(browser)
        assert store.records[key] is written
        clock.advance(120)
        display_name(browser)
        touched = store.records[key]
        assert touched is not written
        assert touched.ends_at > written.ends_at
        assert touched.owner == written.owner

    def test_end_everywhere_at_once(self, tiktok: TikTok, emulator: Emulator) -> None:
        browsers = [new_browser(TikTokAuthMiddleware(app, tiktok)) for _ in range(3)]
        for browser, person in zip(browsers, (AMARA, AMARA, JUN), strict=True):
            sign_in(browser, emulator, person=person)

        assert anyio.run(tiktok.end_sessions, AMARA.open_id) == 2
        assert [display_name(browser) for browser in browsers] == ["", "", "Jun"]

    def test_hold_nothing_that_a_thief_of_the_store_could_use(
        self, browser: TestClient, emulator: Emulator, store: MemoryStore
    ) -> None:
        sign_in(browser, emulator)
        stolen = repr(store.records)

        for value in browser.cookies.values():
            assert value.split(".")[0] not in stolen
        assert "Amara" not in stolen
        assert "act.emulator" not in stolen

    def test_need_not_keep_tokens(self, emulator: Emulator, store: MemoryStore) -> None:
        tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store, keep_tokens=False)
        browser = new_browser(TikTokAuthMiddleware(app, tiktok))
        sign_in(browser, emulator)

        assert display_name(browser) != ""
        assert not any(key.startswith("token:") for key in store.records)
