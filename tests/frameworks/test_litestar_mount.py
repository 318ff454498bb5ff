"""An app behind the middleware in a mount of Litestar, which takes the prefix off, adds a slash, and tells nobody."""

from dataclasses import replace

import httpx2
import pytest
from litestar import Litestar, asgi, get
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send
from starlette.testclient import TestClient

from asgi_tiktok import TikTokAuthMiddleware
from asgi_tiktok.emulator import DEFAULT_APP, Emulator
from asgi_tiktok.litestar import TikTokPlugin, mount
from tests.support.app import app
from tests.support.login import new_browser
from tests.support.people import AMARA
from tests.support.settings import NAVIGATION, ORIGIN
from tests.support.tiktok import new_tiktok

CALLBACK = f"{ORIGIN}/shop/auth/tiktok/callback"


@pytest.fixture
def emulator() -> Emulator:
    return Emulator([replace(DEFAULT_APP, redirect_uris=(CALLBACK,))])


@pytest.fixture
def browser(emulator: Emulator) -> TestClient:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), redirect_uri=CALLBACK)
    inner = TikTokAuthMiddleware(app, tiktok, protect=("/studio",))

    @get("/", sync_to_thread=False)
    def home() -> str:
        return "home"

    return new_browser(Litestar([mount("/shop", inner), home]))


def test_a_person_signs_in_and_out(browser: TestClient, emulator: Emulator) -> None:
    login_url = browser.get("/shop/studio/films?year=1", headers=NAVIGATION).headers["location"]
    assert login_url == "/shop/auth/tiktok/login?next=%2Fshop%2Fstudio%2Ffilms%3Fyear%3D1"
    back = browser.get(emulator.consent(browser.get(login_url).headers["location"]))
    assert back.headers["location"] == "/shop/studio/films?year=1"
    assert browser.get("/shop/studio/films?year=1").json() == {"studio": AMARA.display_name}
    assert browser.get("/shop/auth/tiktok/session").json()["user"]["display_name"] == AMARA.display_name

    browser.post("/shop/auth/tiktok/logout", headers={"origin": ORIGIN})
    assert browser.get("/shop/me").json()["name"] == ""


def test_links_keep_the_prefix(browser: TestClient) -> None:
    assert browser.get("/shop/links").json()["logout"] == "/shop/auth/tiktok/logout?next=%2Fbye"


@pytest.mark.parametrize("path", ["/shop/x", "/shop/x/", "/shop/%C3%BC"])
def test_the_app_sees_the_path_that_was_asked_for(browser: TestClient, path: str) -> None:
    seen = browser.get(path).json()["path"]

    assert seen == httpx2.URL(f"{ORIGIN}{path}").path.removeprefix("/shop")


def test_the_rest_of_the_outer_app_is_its_own(browser: TestClient) -> None:
    assert browser.get("/").text == "home"
    assert browser.get("/auth/tiktok/login").status_code == 404


def test_the_outer_plugin_leads_back_into_the_mount() -> None:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": [(b"www-authenticate", b"TikTok")]})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    inner: ASGIRouteHandler = asgi("/inner", is_mount=True, copy_scope=False)(refuse)
    app = Litestar([inner], plugins=[TikTokPlugin(new_tiktok())])
    browser = new_browser(app)

    answer = browser.get("/inner/a/b", headers=NAVIGATION)
    assert answer.headers["location"] == "/auth/tiktok/login?next=%2Finner%2Fa%2Fb"
