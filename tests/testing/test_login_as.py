"""login_as stores what a real login stores."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from asgi_tiktok import SQLiteStore, TikTok, TikTokAuthMiddleware, TikTokUser, Token, tiktok_session
from asgi_tiktok.testing import login_as, login_as_async, login_cookies
from tests.support.app import app as site
from tests.support.login import display_name, sign_in
from tests.support.settings import ORIGIN, SAME_ORIGIN
from tests.support.tiktok import new_tiktok


async def whoami(request: Request) -> Response:
    session = tiktok_session(request)
    token = await session.token() if "token" in request.query_params else None
    return JSONResponse(
        {
            "name": request.user.display_name,
            "scopes": request.auth.scopes,
            "data": dict(session.data),
            "token": token and token.access_token.split(".")[:2],
        }
    )


ROUTES = [Route("/me", whoami)]


@pytest.fixture
def wrapped(tiktok: TikTok) -> TikTokAuthMiddleware:
    return TikTokAuthMiddleware(Starlette(routes=ROUTES), tiktok, protect=("/studio",))


@pytest.fixture(params=["http://testserver", "https://testserver", "http://localhost:8000"])
def client(request: pytest.FixtureRequest, wrapped: TikTokAuthMiddleware) -> TestClient:
    return TestClient(wrapped, base_url=request.param, follow_redirects=False)


@pytest.mark.parametrize("host", ["https://second.test", "https://testserver", "http://unknown.test"])
def test_client_is_signed_in_at_its_address(host: str) -> None:
    addresses = [f"{ORIGIN}/auth/tiktok/callback", "https://second.test/auth/tiktok/callback"]
    tiktok = new_tiktok(redirect_uri=addresses)
    client = TestClient(TikTokAuthMiddleware(Starlette(routes=ROUTES), tiktok), base_url=host)
    login_as(client)

    assert client.get("/me").json()["name"] == "Ada"
    assert [cookie["url"] for cookie in login_cookies(tiktok)] == [ORIGIN, "https://second.test"]


def test_default_user_is_signed_in(client: TestClient) -> None:
    assert client.get("/me").json()["name"] == ""

    ada = login_as(client)

    assert ada == TikTokUser(open_id=ada.open_id, display_name="Ada")
    assert client.get("/me").json() == {
        "name": "Ada",
        "scopes": ["authenticated", "user.info.basic"],
        "data": {},
        "token": None,
    }
    assert client.get("/auth/tiktok/session").json()["user"]["open_id"] == ada.open_id


def test_all_arguments(client: TestClient) -> None:
    user = login_as(
        client,
        display_name="Zoë ✨",
        open_id="-zoe",
        scopes=["user.info.basic", "user.info.stats"],
        data={"user_id": 7},
        token=True,
        avatar_url="https://pictures.test/zoe.jpeg",
        follower_count=12,
    )

    assert (user.open_id, user.follower_count) == ("-zoe", 12)
    assert client.get("/me?token").json() == {
        "name": "Zoë ✨",
        "scopes": ["authenticated", "user.info.basic", "user.info.stats"],
        "data": {"user_id": 7},
        "token": ["act", "emulator"],
    }


def test_open_id_depends_on_the_name(client: TestClient) -> None:
    ada, again, bob = login_as(client), login_as(client), login_as(client, display_name="Bob")

    assert ada.open_id == again.open_id != bob.open_id
    assert client.get("/me").json()["name"] == "Bob"


def test_sign_out_and_real_sign_in_after_login_as(browser: TestClient, emulator: Any) -> None:
    login_as(browser)
    assert browser.get("/studio").json() == {"studio": "Ada"}
    assert browser.post("/auth/tiktok/logout", headers=SAME_ORIGIN).status_code == 303
    assert dict(browser.cookies) == {}
    assert display_name(browser) == ""

    sign_in(browser, emulator)
    assert display_name(browser) == "Amara Sol"
    login_as(browser)
    assert display_name(browser) == "Ada"


@pytest.mark.parametrize("url", ["/socket", "wss://testserver/socket"])
def test_websocket_has_the_user(browser: TestClient, url: str) -> None:
    login_as(browser)

    with browser.websocket_connect(url, headers={"origin": ORIGIN}) as socket:
        assert socket.receive_json()["name"] == "Ada"


def test_given_token_is_stored_unchanged(browser: TestClient, tiktok: TikTok) -> None:
    ended = Token(open_id="-zoe", scopes=("user.info.basic",), access_token="act.own", expires_at=0)
    login_as(browser, open_id="-zoe", token=ended)

    kept = anyio.run(tiktok._tokens.records.load, "-zoe")
    assert kept is not None
    assert kept.token == ended


def apps(tiktok: TikTok) -> Iterator[Any]:
    """Yield a Starlette app for every way to install the middleware."""
    yield Starlette(routes=ROUTES, middleware=[Middleware(TikTokAuthMiddleware, tiktok)])
    added = Starlette(routes=ROUTES)
    added.add_middleware(TikTokAuthMiddleware, tiktok=tiktok)
    yield added
    inner = TikTokAuthMiddleware(Starlette(routes=ROUTES), tiktok)
    yield Starlette(routes=[Mount("/", app=inner)])
    yield Starlette(routes=[Mount("/", routes=ROUTES, middleware=[Middleware(TikTokAuthMiddleware, tiktok=tiktok)])])


@pytest.mark.parametrize("way", range(4))
def test_middleware_is_found(tiktok: TikTok, way: int) -> None:
    with TestClient(list(apps(tiktok))[way]) as client:
        login_as(client)

        assert client.get("/me").json()["name"] == "Ada"


def test_middleware_configured_by_the_environment_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOK_CLIENT_KEY", "key")
    monkeypatch.setenv("TIKTOK_CLIENT_SECRET", "a-secret-of-the-environment")
    monkeypatch.setenv("TIKTOK_REDIRECT_URI", "https://testserver/auth/tiktok/callback")
    monkeypatch.setenv("TIKTOK_SECRET_KEY", "qk3-environment-8Vb2xN7cTz5Lp9Wd")
    monkeypatch.setenv("TIKTOK_STORE", "memory://")
    client = TestClient(Starlette(routes=ROUTES, middleware=[Middleware(TikTokAuthMiddleware)]))

    login_as(client)

    assert client.get("/me").json()["name"] == "Ada"


def test_ambiguous_or_missing_middleware_is_reported(tiktok: TikTok) -> None:
    with pytest.raises(ValueError, match=r"no TikTokAuthMiddleware behind this TestClient.*, tiktok=tiktok"):
        login_as(TestClient(site))

    other = new_tiktok(path="/other", redirect_uri=f"{ORIGIN}/other/callback")
    both = TestClient(TikTokAuthMiddleware(TikTokAuthMiddleware(site, tiktok), other))
    with pytest.raises(ValueError, match="found 2 TikTok objects"):
        login_as(both)

    login_as(both, tiktok=tiktok)
    assert display_name(both) == "Ada"


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"name": "Ada"}, TypeError, "has no argument 'name'. Did you mean display_name?"),
        ({"token": "act.own"}, TypeError, "token must be True or a Token, not str."),
        ({"folower_count": 1}, TypeError, "has no argument 'folower_count'. Did you mean follower_count?"),
        ({"scope": ()}, TypeError, "Did you mean scopes?"),
        ({"email": "ada@example.com"}, TypeError, "The fields of a TikTokUser are open_id, union_id, display_name"),
        (
            {"follower_count": 1},
            ValueError,
            "only with the scope 'user.info.stats'; add it to scopes=",
        ),
        (
            {"avatar_url": "pictures/ada.jpeg"},
            ValueError,
            "avatar_url='pictures/ada.jpeg' is a value that TikTok",
        ),
        ({"display_name": "  Ada  "}, ValueError, "the app would see 'Ada'"),
        ({"open_id": "with space"}, ValueError, "open_id"),
        ({"scopes": ["video.publish"]}, ValueError, "'video.publish' is not declared"),
        ({"scopes": "user.info.basic"}, ValueError, "must be a tuple of strings"),
        ({"data": {"at": object()}}, TypeError, "data must be a JSON-serializable dict"),
        (
            {"token": Token(open_id="other", scopes=(), access_token="act.own", expires_at=0)},
            ValueError,
            "The token has the open_id 'other'",
        ),
    ],
)
def test_values_that_tiktok_cannot_send_are_refused(
    browser: TestClient, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as refused:
        login_as(browser, **fields)

    assert message in str(refused.value)
    assert display_name(browser) == ""


def test_client_without_cookie_jar(tiktok: TikTok) -> None:
    with pytest.raises(ValueError, match="found no cookie jar in this object"):
        login_as(object(), tiktok=tiktok)


def test_sqlite_store_with_and_without_a_running_client(tmp_path: Path) -> None:
    tiktok = new_tiktok(store=SQLiteStore(tmp_path / "store.sqlite3"))
    app = TikTokAuthMiddleware(Starlette(routes=ROUTES), tiktok)

    stopped, running = TestClient(app), TestClient(app)
    login_as(stopped)
    assert stopped.get("/me").json()["name"] == "Ada"
    with running:
        login_as(running, display_name="Bob")
        assert running.get("/me").json()["name"] == "Bob"


def test_client_without_an_app(tiktok: TikTok) -> None:
    with httpx2.Client(base_url=ORIGIN) as client:
        login_as(client, tiktok=tiktok)

        assert [cookie.name for cookie in client.cookies.jar] == ["__Host-tiktok_session"]


@pytest.mark.anyio
@pytest.mark.parametrize("base_url", ["", ORIGIN, "http://localhost:8000"])
async def test_async_client(wrapped: TikTokAuthMiddleware, base_url: str) -> None:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(wrapped), base_url=base_url) as client:
        await login_as_async(client, token=True)
        me = await client.get(f"{base_url or ORIGIN}/me?token")
        assert (me.json()["name"], me.json()["token"]) == ("Ada", ["act", "emulator"])

        login_as(client, display_name="Bob")
        assert (await client.get(f"{base_url or ORIGIN}/me")).json()["name"] == "Bob"
