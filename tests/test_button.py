"""The sign-in button in templates."""

import re

import pytest
from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.testclient import TestClient

from asgi_tiktok import TikTok, TikTokAuthMiddleware, tiktok_button
from tests.support.settings import ORIGIN


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
