"""What every framework does behind the middleware, however it is installed and whatever serves it."""

from hashlib import sha256

import pytest

from tests.support.http_browser import HTTPBrowser
from tests.support.people import AMARA
from tests.support.settings import FETCH, NAVIGATION

WITHOUT_WEBSOCKET = {
    ("quart", "daphne"): "Quart reads a WebSocket's scheme, which Daphne leaves out, also without us."
}


class TestEverySite:
    def test_signs_in(self, browser: HTTPBrowser) -> None:
        assert browser.display_name() == ""
        browser.sign_in()
        assert browser.fetch("/me").json() == {"name": AMARA.display_name, "scopes": ["user.info.basic"]}

    def test_knows_its_user_on_a_websocket(self, browser: HTTPBrowser) -> None:
        if browser.cell in WITHOUT_WEBSOCKET:
            assert browser.websocket_name("/socket") == 500
            pytest.xfail(WITHOUT_WEBSOCKET[browser.cell])
        assert browser.websocket_name("/socket") == ""
        assert browser.websocket_name("/account/socket") in (401, 403)
        browser.sign_in()
        assert browser.websocket_name("/socket") == AMARA.display_name
        assert browser.websocket_name("/account/socket") == AMARA.display_name
        assert browser.websocket_name("/socket", origin="https://evil.test") == 403

    def test_asks_for_a_sign_in(self, browser: HTTPBrowser) -> None:
        refused = browser.fetch("/account")
        assert refused.status_code == 401
        assert refused.json()["login_url"].startswith(f"{browser.prefix}/auth/tiktok/login?next=")
        assert browser.visit("/account").json() == {"name": AMARA.display_name}

    def test_asks_for_a_missing_scope(self, browser: HTTPBrowser) -> None:
        browser.sign_in()
        refused = browser.fetch("/videos")
        assert (refused.status_code, refused.json()["error"]) == (403, "scope_required")
        page = browser.request("GET", f"{browser.prefix}/videos", headers=NAVIGATION)
        assert (page.status_code, "one more permission</h1>" in page.text) == (403, True)
        login_url = refused.json()["login_url"]
        assert browser.visit(login_url.removeprefix(browser.prefix)).json() == {"name": AMARA.display_name}

    def test_guards_paths(self, browser: HTTPBrowser) -> None:
        refused = browser.fetch("/studio")
        assert (refused.status_code, refused.json()["error"]) == (401, "login_required")
        assert browser.visit("/studio").json() == {"name": AMARA.display_name}

    def test_signs_out(self, browser: HTTPBrowser) -> None:
        browser.sign_in()
        from_here = {**NAVIGATION, "origin": browser.origin}
        answer = browser.request("POST", f"{browser.prefix}/auth/tiktok/logout", headers=from_here)
        assert answer.status_code == 303
        assert browser.display_name() == ""

    def test_keeps_its_unknown_paths(self, browser: HTTPBrowser) -> None:
        for path in ("/nowhere", "/auth/tiktok/nowhere", "/auth/tiktok/login/"):
            answer = browser.request("GET", f"{browser.prefix}{path}", headers=FETCH)
            assert answer.status_code == 404
            assert "set-cookie" not in answer.headers
            assert "reference" not in answer.text.lower()

    def test_streams(self, browser: HTTPBrowser) -> None:
        answer = browser.fetch("/stream")
        assert (answer.status_code, len(answer.content)) == (200, 300_000)

    def test_takes_large_bodies(self, browser: HTTPBrowser) -> None:
        body = bytes(range(256)) * 20_000
        answer = browser.request("POST", f"{browser.prefix}/echo", content=body)
        assert answer.json() == {"length": len(body), "sha256": sha256(body).hexdigest()}


@pytest.mark.parametrize("path", ["/me", "/account"])
def test_links_keep_the_prefix_that_a_proxy_takes_off(proxied: HTTPBrowser, path: str) -> None:
    assert proxied.visit(path).status_code == 200
    assert proxied.visit("/studio").json() == {"name": AMARA.display_name}
    assert proxied.websocket_name("/socket") == AMARA.display_name
    assert proxied.fetch("/videos").json()["login_url"].startswith("/sub/auth/tiktok/login?next=%2Fsub%2Fvideos")
