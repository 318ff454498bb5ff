"""The sign-in button in templates."""

import re

import pytest
from jinja2 import Environment
from playwright.sync_api import expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from asgi_tiktok import TikTok, TikTokAuthMiddleware, tiktok_button
from tests.support.chromium import LOOPBACK_ONLY, open_chromium
from tests.support.servers import serve_in_thread
from tests.support.settings import ORIGIN
from tests.support.tiktok import new_tiktok


def page(template: str, tiktok: TikTok) -> str:
    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        html = Environment(autoescape=True).from_string(template)
        response: Response = HTMLResponse(html.render(request=Request(scope), tiktok_button=tiktok_button))
        await response(scope, receive, send)

    return TestClient(TikTokAuthMiddleware(app, tiktok), base_url=ORIGIN).get("/").text


def test_button_leads_to_the_login_and_back(tiktok: TikTok) -> None:
    html = page('{{ tiktok_button(request, next="/me?a=1", scopes=["video.list"]) }}', tiktok)

    assert 'href="/auth/tiktok/login?next=%2Fme%3Fa%3D1&amp;scopes=video.list"' in html
    assert html.endswith("Continue with TikTok</a>")


def test_button_carries_params_and_switch_account(tiktok: TikTok) -> None:
    html = page('{{ tiktok_button(request, params={"invite": "x7"}, switch_account=True) }}', tiktok)

    found = re.search(r'href="/auth/tiktok/login\?params=([\w-]+)&amp;switch_account=1"', html)
    assert found, html
    assert tiktok._login_links.unseal(found[1]) == {"invite": "x7"}


def test_label_is_escaped(tiktok: TikTok) -> None:
    assert "Log in &amp; &lt;go&gt;</a>" in page('{{ tiktok_button(request, label="Log in & <go>") }}', tiktok)


def test_button_requires_the_middleware() -> None:
    with pytest.raises(ValueError, match="did not pass TikTokAuthMiddleware"):
        tiktok_button(Request({"type": "http"}))


def test_style_sheet_is_cached_until_it_changes(tiktok: TikTok) -> None:
    link = page("{{ tiktok_button(request) }}", tiktok).split('href="')[1].split('"')[0]
    browser = TestClient(TikTokAuthMiddleware(Starlette(), tiktok), base_url=ORIGIN)
    # Chromium sends this header for the files of a page that it prerenders.
    linked = browser.get(link, headers={"Sec-Purpose": "prefetch;prerender"})
    other_version = browser.get("/auth/tiktok/button.css?v=older")

    assert linked.headers["content-type"] == "text/css; charset=utf-8"
    assert linked.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert other_version.headers["cache-control"] == "public, max-age=300"
    assert linked.text == other_version.text
    assert "vary" not in linked.headers


def test_nonce_is_on_the_link_to_the_style_sheet(tiktok: TikTok) -> None:
    html = page("""{{ tiktok_button(request, nonce='r4nd"m') }}""", tiktok)

    assert re.match(r'<link rel="stylesheet" href="[^"]+" nonce="r4nd&quot;m"><a class="tiktok-button"', html)


STRICT = """<!doctype html><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="{}">
<p>{}</p><div dir="rtl">{}</div>"""
LONG = "Mit deinem TikTok-Konto bei der Kaninchenzuchtvereinsverwaltungsoberfl\u00e4che anmelden"


async def strict_page(request: Request) -> Response:
    scheme = request.query_params.get("scheme", "normal")
    html = STRICT.format(scheme, tiktok_button(request), tiktok_button(request, label=LONG))
    return HTMLResponse(html, headers={"Content-Security-Policy": "default-src 'none'; style-src 'self'"})


@pytest.mark.browser
def test_button_keeps_its_look_under_a_strict_policy_below_a_mount(port: int) -> None:
    tiktok = new_tiktok(redirect_uri=f"http://localhost:{port}/shop/auth/tiktok/callback")
    shop = TikTokAuthMiddleware(Starlette(routes=[Route("/", strict_page)]), tiktok)
    with serve_in_thread(Starlette(routes=[Mount("/shop", shop)]), port), open_chromium(LOOPBACK_ONLY) as chromium:
        tab = chromium.new_page(viewport={"width": 320, "height": 500}, color_scheme="dark")
        tab.goto(f"http://localhost:{port}/shop/")
        button, long = tab.locator(".tiktok-button").all()

        expect(button).to_have_css("background-color", "rgb(0, 0, 0)")
        expect(button).to_have_css("color", "rgb(255, 255, 255)")
        box = button.bounding_box()
        assert box
        assert box["height"] >= 44
        assert tab.evaluate("document.documentElement.scrollWidth") == 320
        icon = long.locator("svg").bounding_box()
        assert icon
        assert icon["x"] > 160, "in a page from right to left, the mark is on the right"
        tab.keyboard.press("Tab")
        expect(button).to_have_css("outline", "rgb(0, 0, 0) solid 2px")

        tab.goto(f"http://localhost:{port}/shop/?scheme=light+dark")
        expect(button).to_have_css("background-color", "rgb(255, 255, 255)")
        expect(button).to_have_css("color", "rgb(0, 0, 0)")
