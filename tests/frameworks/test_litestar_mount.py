"""An app that is wrapped in the middleware and mounted in Litestar."""

from dataclasses import replace
from typing import Any

import httpx2
import pytest
from litestar import Litestar, asgi, get
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send
from starlette.responses import JSONResponse
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
def shop(emulator: Emulator) -> TikTokAuthMiddleware:
    """The app that is mounted."""
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), redirect_uri=CALLBACK)
    return TikTokAuthMiddleware(app, tiktok, protect=("/studio",))


@get("/")
async def home() -> str:
    return "home"


@pytest.fixture
def browser(shop: TikTokAuthMiddleware) -> TestClient:
    return new_browser(Litestar([mount("/shop", shop), home]))


def test_user_signs_in_and_out(browser: TestClient, emulator: Emulator) -> None:
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


async def show_path(scope: Any, receive: Any, send: Any) -> None:
    response = JSONResponse([scope["root_path"], scope["path"]])
    await response(scope, receive, send)


@pytest.mark.parametrize(
    ("requested", "below"),
    [
        ("", "/"),
        ("/", "/"),
        ("/x", "/x"),
        ("/x/", "/x/"),
        ("/%C3%BC", "/ü"),
        ("//x", "/x"),
        ("/x//y", "/x/y"),
    ],
)
@pytest.mark.parametrize(("prefix", "options"), [("/shop", {}), ("/v1/shop", {"path": "/v1"})])
def test_mounted_app_gets_the_requested_path(
    prefix: str, options: dict[str, Any], requested: str, below: str
) -> None:
    browser = new_browser(Litestar([mount("/shop", show_path)], **options))

    assert browser.get(f"{prefix}{requested}").json() == [prefix, below]


def test_mount_at_the_root_has_no_prefix() -> None:
    browser = new_browser(Litestar([mount("/", show_path)]))

    assert browser.get("/x").json() == ["", "/x"]


@pytest.mark.parametrize("requested", ["/outer/shop/x", "/shop/x"], ids=["prefix in path", "prefix removed"])
def test_mounted_app_keeps_the_prefix_of_the_outer_app(requested: str) -> None:
    browser = new_browser(Litestar([mount("/shop", show_path)]), root_path="/outer")

    assert browser.get(requested).json() == ["/outer/shop", "/x"]


def test_raw_path_is_optional() -> None:
    litestar: Any = Litestar([mount("/shop", show_path)])

    async def server(scope: Any, receive: Any, send: Any) -> None:
        await litestar({**scope, "raw_path": None}, receive, send)

    assert new_browser(server).get("/shop/x").json() == ["/shop", "/x"]


def test_path_that_only_begins_like_the_mount_is_not_found(browser: TestClient) -> None:
    """Litestar gives /shopping to the app at /shop, with the path `ping/`."""
    assert browser.get("/shopping").status_code == 404


def test_mount_of_litestar_hides_our_routes_but_not_protected_paths(shop: TikTokAuthMiddleware) -> None:
    """It adds a slash to the path and sets no `root_path`. This is why `mount` exists."""
    wrapped: Any = shop
    browser = new_browser(Litestar([asgi("/shop", is_mount=True, copy_scope=True)(wrapped)]))

    assert browser.get("/shop/auth/tiktok/login").json() == {"path": "/auth/tiktok/login/", "method": "GET"}
    assert browser.get("/shop/studio").status_code == 401


def test_other_paths_belong_to_the_outer_app(browser: TestClient) -> None:
    assert browser.get("/").text == "home"
    assert browser.get("/auth/tiktok/login").status_code == 404


def test_plugin_of_the_outer_app_leads_back_into_the_mount() -> None:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": [(b"www-authenticate", b"TikTok")]})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    inner: ASGIRouteHandler = asgi("/inner", is_mount=True, copy_scope=False)(refuse)
    app = Litestar([inner], plugins=[TikTokPlugin(new_tiktok())])
    browser = new_browser(app)

    redirect = browser.get("/inner/a/b", headers=NAVIGATION)
    assert redirect.headers["location"] == "/auth/tiktok/login?next=%2Finner%2Fa%2Fb"


def test_guard_of_the_plugin_covers_paths_without_a_route_below_an_outer_litestar() -> None:
    inner: Any = Litestar(plugins=[TikTokPlugin(new_tiktok(), protect=("/studio",))])
    browser = new_browser(Litestar([mount("/inner", inner)]))

    assert browser.get("/inner/studio/films").status_code == 401
    assert browser.get("/inner/films").status_code == 404


def test_guard_of_the_plugin_leaves_other_paths_of_a_mount_at_the_root_open() -> None:
    browser = new_browser(Litestar([mount("/", app)], plugins=[TikTokPlugin(new_tiktok(), protect=("/studio",))]))

    assert browser.get("/studio/films").status_code == 401
    assert browser.get("/me").json()["name"] == ""
