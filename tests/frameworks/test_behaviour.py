"""The behaviors that every framework has with the middleware, in every install and under every server."""

from hashlib import sha256

import pytest

from tests.support.http_browser import HTTPBrowser
from tests.support.people import AMARA
from tests.support.settings import FETCH, NAVIGATION

WITHOUT_WEBSOCKET = {("quart", "daphne"): "Quart reads the scheme of a WebSocket, which Daphne does not set."}


class TestEverySite:
    def test_user_signs_in(self, browser: HTTPBrowser) -> None:
        assert browser.display_name() == ""
        browser.sign_in()
        assert browser.fetch("/me").json() == {"name": AMARA.display_name, "scopes": ["user.info.basic"]}

    def test_websocket_has_the_user(self, browser: HTTPBrowser) -> None:
        if browser.cell in WITHOUT_WEBSOCKET:
            assert browser.websocket_name("/socket") == 500
            pytest.xfail(WITHOUT_WEBSOCKET[browser.cell])
        assert browser.websocket_name("/socket") == ""
        assert browser.websocket_name("/account/socket") in (401, 403)
        browser.sign_in()
        assert browser.websocket_name("/socket") == AMARA.display_name
        assert browser.websocket_name("/account/socket") == AMARA.display_name
        assert browser.websocket_name("/socket", origin="https://evil.test") == 403

    def test_route_requires_a_sign_in(self, browser: HTTPBrowser) -> None:
        refused = browser.fetch("/account")
        assert refused.status_code == 401
        assert refused.json()["login_url"].startswith(f"{browser.prefix}/auth/tiktok/login?next=")
        assert browser.visit("/account").json() == {"name": AMARA.display_name}

    def test_route_requires_a_scope(self, browser: HTTPBrowser) -> None:
        browser.sign_in()
        refused = browser.fetch("/videos")
        assert (refused.status_code, refused.json()["error"]) == (403, "scope_required")
        page = browser.request("GET", f"{browser.prefix}/videos", headers=NAVIGATION)
        assert (page.status_code, "one more permission</h1>" in page.text) == (403, True)
        login_url = refused.json()["login_url"]
        assert browser.visit(login_url.removeprefix(browser.prefix)).json() == {"name": AMARA.display_name}

    def test_protected_path_requires_a_sign_in(self, browser: HTTPBrowser) -> None:
        refused = browser.fetch("/studio")
        assert (refused.status_code, refused.json()["error"]) == (401, "login_required")
        assert browser.visit("/studio").json() == {"name": AMARA.display_name}

    def test_user_signs_out(self, browser: HTTPBrowser) -> None:
        browser.sign_in()
        same_origin = {**NAVIGATION, "origin": browser.origin}
        response = browser.request("POST", f"{browser.prefix}/auth/tiktok/logout", headers=same_origin)
        assert response.status_code == 303
        assert browser.display_name() == ""

    def test_unknown_path_gets_the_404_of_the_app(self, browser: HTTPBrowser) -> None:
        for path in ("/nowhere", "/auth/tiktok/nowhere", "/auth/tiktok/login/"):
            response = browser.request("GET", f"{browser.prefix}{path}", headers=FETCH)
            assert response.status_code == 404
            assert "set-cookie" not in response.headers
            assert "reference" not in response.text.lower()

    def test_streamed_response_is_complete(self, browser: HTTPBrowser) -> None:
        response = browser.fetch("/stream")
        assert (response.status_code, len(response.content)) == (200, 300_000)

    def test_large_request_body_is_complete(self, browser: HTTPBrowser) -> None:
        body = bytes(range(256)) * 20_000
        response = browser.request("POST", f"{browser.prefix}/echo", content=body)
        assert response.json() == {"length": len(body), "sha256": sha256(body).hexdigest()}


@pytest.mark.parametrize("path", ["/me", "/account"])
def test_links_keep_the_prefix_that_a_proxy_removes(proxied: HTTPBrowser, path: str) -> None:
    assert proxied.visit(path).status_code == 200
    assert proxied.visit("/studio").json() == {"name": AMARA.display_name}
    assert proxied.websocket_name("/socket") == AMARA.display_name
    assert proxied.fetch("/videos").json()["login_url"].startswith("/sub/auth/tiktok/login?next=%2Fsub%2Fvideos")
