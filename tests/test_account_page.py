"""The account page: a user's sessions, with the browser in words, and the end of one of them."""

from typing import Any

import anyio
import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import MemoryStore, StoreError, TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.http.user_agent import describe_browser
from tests.support.app import app
from tests.support.clock import Clock
from tests.support.login import display_name, new_browser, sign_in
from tests.support.people import AMARA, JUN
from tests.support.settings import SAME_ORIGIN
from tests.support.tiktok import new_tiktok
from tests.support.wrapped_store import WrappedStore

SESSIONS = "/auth/tiktok/session?sessions=1"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
USER_AGENTS = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0": "Firefox on Linux",
    CHROME: "Chrome on Linux",
    f"{CHROME.replace('X11; Linux x86_64', 'Windows NT 10.0; Win64; x64')} Edg/126.0.0.0": "Edge on Windows",
    CHROME.replace("X11; Linux x86_64", "X11; CrOS x86_64 14541.0.0"): "Chrome on ChromeOS",
    f"{CHROME.replace('X11; Linux x86_64', 'Linux; Android 10; K')} OPR/83.0.0.0": "Opera on Android",
    CHROME.replace("X11; Linux x86_64", "Linux; Android 14; SM-S928B").replace(
        "Chrome/", "SamsungBrowser/25.0 Chrome/"
    ): "Samsung Internet on Android",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Safari/605.1.15": "Safari on macOS",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0 "
    "Mobile/15E148 Safari/604.1": "Chrome on iPhone",
    "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/127.0 "
    "Mobile/15E148 Safari/605.1.15": "Firefox on iPad",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/15E148 musical_ly_35.1.0 BytedanceWebview/d8a21c6": "TikTok app on iPhone",
    "curl/8.8.0": "Unknown browser",
    "": "Unknown browser",
    "<script>" * 1000 + "Firefox/1 Linux": "Unknown browser",
}


@pytest.mark.parametrize(("user_agent", "words"), USER_AGENTS.items(), ids=USER_AGENTS.values())
def test_browser_is_described_in_words(user_agent: str, words: str) -> None:
    assert describe_browser(user_agent) == words
    assert len(words) <= 60
    assert not any(letter.isdigit() for letter in words)


def signed_in_browser(tiktok: TikTok, emulator: Emulator, user_agent: str = "", person: Any = AMARA) -> TestClient:
    browser = new_browser(TikTokAuthMiddleware(app, tiktok), headers={"user-agent": user_agent})
    sign_in(browser, emulator, person=person)
    return browser


def test_sessions_of_a_user_are_listed_and_ended_one_by_one(tiktok: TikTok, emulator: Emulator, clock: Clock) -> None:
    phone = signed_in_browser(tiktok, emulator, "Android Firefox/127.0")
    began_at = int(clock())
    clock.advance(hours=1)
    laptop = signed_in_browser(tiktok, emulator, CHROME)
    other = signed_in_browser(tiktok, emulator, CHROME, JUN)

    on_laptop, on_phone = anyio.run(tiktok.sessions_of, AMARA.open_id)
    assert (on_laptop.browser, on_phone.browser) == ("Chrome on Linux", "Firefox on Android")
    assert on_phone.created_at == on_phone.seen_at
    assert abs(on_phone.created_at - began_at) <= 2
    assert on_laptop.created_at - on_phone.created_at >= 3599

    clock.advance(hours=1)
    display_name(phone)
    assert [each.id for each in anyio.run(tiktok.sessions_of, AMARA.open_id)] == [on_phone.id, on_laptop.id]

    assert anyio.run(tiktok.end_session, on_phone.id) is True
    assert anyio.run(tiktok.end_session, on_phone.id) is False
    assert [display_name(each) for each in (phone, laptop, other)] == ["", AMARA.display_name, JUN.display_name]
    assert [each.id for each in anyio.run(tiktok.sessions_of, AMARA.open_id)] == [on_laptop.id]


def test_id_is_no_credential(tiktok: TikTok, emulator: Emulator) -> None:
    browser = signed_in_browser(tiktok, emulator)
    [found] = anyio.run(tiktok.sessions_of, AMARA.open_id)
    (name,) = browser.cookies

    assert found.id not in browser.cookies[name]
    for value in (found.id, f"session:{found.id}"):
        stranger = new_browser(browser.app)
        stranger.cookies.set(name, value)
        assert display_name(stranger) == ""


@pytest.mark.parametrize("id", ["", "0" * 63, "0" * 64, "0" * 65, "../token", "token:ada", "ß" * 64])
def test_id_that_names_no_session_ends_nothing(tiktok: TikTok, emulator: Emulator, id: str) -> None:
    browser = signed_in_browser(tiktok, emulator)

    assert anyio.run(tiktok.end_session, id) is False
    assert display_name(browser) == AMARA.display_name


def test_owner_sees_the_sessions_and_which_one_is_the_current(tiktok: TikTok, emulator: Emulator) -> None:
    phone = signed_in_browser(tiktok, emulator, "Android Firefox/127.0")
    laptop = signed_in_browser(tiktok, emulator, CHROME)
    listed = laptop.get(SESSIONS, headers=SAME_ORIGIN)

    assert listed.headers["cache-control"] == "no-store"
    assert listed.json()["user"]["open_id"] == AMARA.open_id
    assert {each["browser"]: each["current"] for each in listed.json()["sessions"]} == {
        "Chrome on Linux": True,
        "Firefox on Android": False,
    }
    assert set(listed.json()["sessions"][0]) == {"id", "created_at", "seen_at", "browser", "current"}
    assert {each["browser"] for each in phone.get(SESSIONS).json()["sessions"] if each["current"]} == {
        "Firefox on Android"
    }
    assert "sessions" not in laptop.get("/auth/tiktok/session").json()
    assert new_browser(laptop.app).get(SESSIONS).json() == {"user": None, "sessions": []}


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.test"},
        {"origin": "https://evil.test", "sec-fetch-site": "same-origin"},
    ],
)
def test_page_of_another_origin_gets_no_sessions(tiktok: TikTok, emulator: Emulator, headers: dict[str, str]) -> None:
    refused = signed_in_browser(tiktok, emulator).get(SESSIONS, headers=headers)

    assert (refused.status_code, refused.json()["error"]) == (403, "foreign_origin")
    assert "sessions" not in refused.json()


def test_store_that_is_away_is_reported(emulator: Emulator) -> None:
    class Away(WrappedStore):
        async def before(self, operation: str) -> None:
            if operation == "owned" and away:
                raise StoreError("Away.")

    away: list[bool] = []
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=Away(MemoryStore()))
    browser = signed_in_browser(tiktok, emulator)
    away.append(True)

    assert browser.get(SESSIONS, headers=SAME_ORIGIN).status_code == 503
    with pytest.raises(StoreError):
        anyio.run(tiktok.sessions_of, AMARA.open_id)
