"""The language of our pages, button and JSON, the site's own texts, and its name and logo."""

import re
from importlib import import_module
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from asgi_tiktok import LoginDenied, TikTokAuthMiddleware, tiktok_button
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.routes.messages import BUTTONS
from asgi_tiktok.texts.en import TEXTS
from asgi_tiktok.texts.translation import SHIPPED
from tests.support.app import app
from tests.support.chromium import LOOPBACK_ONLY, open_chromium
from tests.support.login import new_browser
from tests.support.servers import serve_in_thread
from tests.support.settings import CALLBACK, FETCH, LOGIN, LOGOUT, NAVIGATION
from tests.support.tiktok import new_tiktok

WAY_BACK = {
    "en": "Back to the site",
    "ar": "العودة إلى الموقع",
    "de": "Zurück zur Website",
    "es": "Volver al sitio",
    "ja": "サイトに戻る",
    "pt": "Voltar ao site",
}


def open_site(**settings: Any) -> TestClient:
    return new_browser(TikTokAuthMiddleware(app, new_tiktok(**settings), protect=("/studio",)))


def title(browser: TestClient, accept_language: str, path: str = LOGOUT) -> str:
    """The title of a page for a visitor whose browser sends this header."""
    page = browser.get(path, headers={**NAVIGATION, "accept-language": accept_language}).text
    found = re.search("<h1>(.*)</h1>", page)
    assert found, page
    return found[1]


@pytest.mark.parametrize(
    ("accept_language", "locale"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at,en;q=0.9", "de"),
        ("en-GB,de", "en"),
        ("fr-CA,fr;q=0.9,pt-BR;q=0.8,de;q=0.1", "pt"),
        ("de;q=0.4, ja ; q=0.5", "ja"),
        ("zh-Hant-TW,fr,nl;q=0.2", "en"),
        ("*", "en"),
        ("*,ar;q=0.5", "ar"),
        ("de;q=0,de-AT,es;q=0.001", "es"),
        ("es-419-x-a-b-c-d", "es"),
        ("de;q=1.5", "en"),
        ("de_DE,;q=1,ü,d e,de;level=1,es;q=0.1", "es"),
        ("fr," * 10 + "de", "en"),
        ("x" * 100_000, "en"),
    ],
)
def test_language_is_the_preferred_one_of_those_that_exist(
    browser: TestClient, accept_language: str, locale: str
) -> None:
    response = browser.get(LOGOUT, headers=[(b"accept-language", accept_language.encode())])

    assert response.headers["content-language"] == locale
    assert response.headers["vary"] == "Accept-Language"
    assert f'<html lang="{locale}" dir="{"rtl" if locale == "ar" else "ltr"}">' in response.text


@pytest.mark.parametrize("locale", SHIPPED)
def test_shipped_language_has_every_text(locale: str) -> None:
    texts: dict[str, str] = import_module(f"asgi_tiktok.texts.{locale}").TEXTS

    assert list(texts) == list(TEXTS)
    assert [code for code, text in texts.items() if text == TEXTS[code] or text.strip() != text or not text] == []
    assert [code for code, text in texts.items() if text.count("TikTok") != TEXTS[code].count("TikTok")] == []


def test_every_message_has_a_title_a_text_and_a_button() -> None:
    assert {f"{code}.{part}" for code in BUTTONS for part in ("title", "text")} <= set(TEXTS)
    assert set(BUTTONS.values()) - {""} <= set(TEXTS)


@pytest.mark.parametrize("locale", WAY_BACK)
def test_error_is_a_page_and_json_in_the_language_of_the_visitor(browser: TestClient, locale: str) -> None:
    language = {"accept-language": locale}
    page = browser.get(CALLBACK, headers={**NAVIGATION, **language})
    answer = browser.get("/studio", headers={**FETCH, **language})
    texts: dict[str, str] = import_module(f"asgi_tiktok.texts.{locale}").TEXTS

    assert f"<h1>{texts['invalid_callback.title']}</h1>\n<p>{texts['invalid_callback.text']}</p>" in page.text
    assert f">{texts['start_again']}</a>" in page.text
    assert f">{WAY_BACK[locale]}</a><small>{texts['reference']} <bdi>" in page.text
    assert (page.headers["content-language"], page.headers["vary"]) == (locale, "Accept-Language")
    assert answer.json()["message"] == texts["login_required.title"]
    assert (answer.headers["content-language"], answer.headers["vary"]) == (locale, "Accept-Language")


def test_sign_out_is_in_the_language_of_the_visitor(browser: TestClient) -> None:
    page = browser.get(LOGOUT, headers={"accept-language": "ja"}).text

    assert "<h1>ログアウトしますか？</h1>" in page
    assert "<button>ログアウト</button>" in page
    assert ">ログインしたままにする</a>" in page


def test_own_words_of_the_app_keep_their_direction(emulator: Emulator) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator))

    @tiktok.on_login
    async def refuse(user: Any, request: Any) -> None:
        raise LoginDenied("Members only.")

    browser = new_browser(TikTokAuthMiddleware(app, tiktok))
    callback_url = emulator.consent(browser.get(LOGIN).headers["location"])
    page = browser.get(callback_url, headers={"accept-language": "ar"}).text

    assert "<p>\u2068Members only.\u2069</p>" in page


def test_own_texts_replace_some_of_ours() -> None:
    browser = open_site(
        messages={
            "en": {"sign_out.title": "Leaving?", "stay": "Not yet"},
            "de": {"sign_out.title": "Schon fertig?"},
            "fr": {"sign_out.title": "Se déconnecter ?"},
            "pt-br": {"sign_out.title": "Já vai?"},
        }
    )

    assert title(browser, "en-US") == title(browser, "nl") == "Leaving?"
    assert title(browser, "de") == "Schon fertig?"
    assert title(browser, "pt-BR,de") == "Já vai?"
    assert title(browser, "pt-PT") == "Sair da conta?"
    assert title(browser, "fr-CA") == "Se déconnecter ?"
    assert title(browser, "fr", CALLBACK) == "The sign-in did not work"
    assert "Angemeldet bleiben" in browser.get(LOGOUT, headers={"accept-language": "de"}).text
    assert "Continuar na conta" in browser.get(LOGOUT, headers={"accept-language": "pt-BR"}).text
    assert "Not yet" in browser.get(LOGOUT, headers={"accept-language": "fr"}).text


def test_function_returns_own_texts() -> None:
    asked = []

    def messages(code: str, locale: str) -> str | None:
        asked.append((code, locale))
        return "הכניסה לא הצליחה" if (code, locale) == ("invalid_callback.title", "he") else None

    browser = open_site(messages=messages)
    page = browser.get(CALLBACK, headers={**NAVIGATION, "accept-language": "he-IL,de;q=0.5"})

    assert "<h1>הכניסה לא הצליחה</h1>" in page.text
    assert '<html lang="he" dir="rtl">' in page.text
    assert asked[:2] == [("invalid_callback.title", "he-IL"), ("invalid_callback.title", "he")]
    asked.clear()
    title(browser, ",".join(f"xx-{number:03}-a-b-c-d" for number in range(1000)))
    assert len(asked) < 60


@pytest.mark.parametrize("result", [KeyError("de"), 7, b"Zu lange"], ids=repr)
def test_function_that_fails_is_logged_and_the_visitor_gets_our_texts(
    result: object, caplog: pytest.LogCaptureFixture
) -> None:
    def messages(code: str, locale: str) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    assert title(open_site(messages=messages), "de", CALLBACK) == "Die Anmeldung hat nicht geklappt"
    assert len([record for record in caplog.records if record.getMessage().startswith("messages ")]) == 1


async def home(request: Request) -> Response:
    return HTMLResponse(tiktok_button(request, label=request.query_params.get("label")))


def test_button_is_in_the_language_of_the_visitor() -> None:
    browser = new_browser(TikTokAuthMiddleware(Starlette(routes=[Route("/", home)]), new_tiktok()))
    button = browser.get("/", headers={"accept-language": "ar"})
    labelled = browser.get("/?label=Go", headers={"accept-language": "ar"})

    assert ' lang="ar" dir="rtl" ' in button.text
    assert button.text.endswith("المتابعة باستخدام TikTok</a>")
    assert button.headers["vary"] == "Cookie, Accept-Language"
    assert "lang=" not in labelled.text
    assert labelled.headers["vary"] == "Cookie"


@pytest.mark.parametrize(
    ("logo_url", "source"),
    [("/logo.svg?v=2&x=1", "'self'"), ("https://cdn.example.com:8443/a/logo.png", "https://cdn.example.com:8443")],
)
def test_pages_show_the_name_and_the_logo_of_the_site(logo_url: str, source: str) -> None:
    page = open_site(site_name="Reel & <Studio>", logo_url=logo_url).get(LOGOUT)
    unnamed = open_site(logo_url=logo_url).get(LOGOUT)

    assert "<title>Sign out? · Reel &amp; &lt;Studio&gt;</title>" in page.text
    assert "<bdi>Reel &amp; &lt;Studio&gt;</bdi>" in page.text
    assert f'<img src="{logo_url.replace("&", "&amp;")}" alt="">' in page.text
    assert 'alt="testserver">' in unnamed.text
    assert page.headers["content-security-policy"].endswith(f"form-action 'self'; img-src {source}")


def test_pages_without_a_logo_load_no_image(browser: TestClient) -> None:
    assert "img-src" not in browser.get(LOGOUT).headers["content-security-policy"]
    assert "img-src" not in open_site(site_name="Reel Studio").get(LOGOUT).headers["content-security-policy"]


@pytest.mark.browser
def test_arabic_page_reads_from_right_to_left_on_a_small_phone(port: int) -> None:
    tiktok = new_tiktok(redirect_uri=f"http://localhost:{port}{CALLBACK}", site_name="x" * 60)
    with serve_in_thread(TikTokAuthMiddleware(app, tiktok), port), open_chromium(LOOPBACK_ONLY) as chromium:
        tab = chromium.new_context(locale="ar", viewport={"width": 320, "height": 640}).new_page()
        tab.goto(f"http://localhost:{port}{CALLBACK}")
        heading, start = tab.get_by_role("heading"), "getComputedStyle(document.body).direction"

        assert heading.inner_text() == "تعذّر تسجيل الدخول"
        assert tab.evaluate(start) == "rtl"
        assert tab.evaluate("document.documentElement.scrollWidth") == 320
