"""Tests of an app that has its own TikTok object: one line lets it use the emulator."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from asgi_tiktok import ConfigurationError, TikTok, TikTokAuthMiddleware
from asgi_tiktok.testing import EmulatedTikTok, login_as, run_emulator
from tests.support.app import app as plain_app
from tests.support.canaries import SECRET_KEY
from tests.support.settings import LOGIN, ORIGIN, REDIRECT_URI
from tests.support.tiktok import new_tiktok

VIDEOS = """
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from asgi_tiktok import {names}


async def me(request: Request) -> JSONResponse:
    async with tiktok_session(request).api() as api:
        response = await api.get("/v2/user/info/", params={{"fields": "display_name"}})
    return JSONResponse(response.json()["data"]["user"])


app = Starlette(routes=[Route("/me", me)])
app.add_middleware(TikTokAuthMiddleware{tiktok})
"""
FROM_ENV = VIDEOS.format(names="TikTokAuthMiddleware, tiktok_session", tiktok="")
IN_CODE = VIDEOS.format(
    names="TikTok, TikTokAuthMiddleware, tiktok_session",
    tiktok=f", tiktok=TikTok('aw1', 's1', {REDIRECT_URI!r}, {SECRET_KEY!r}, store='memory://')",
)


@pytest.fixture
def emulated() -> Iterator[EmulatedTikTok]:
    emulated = EmulatedTikTok()
    yield emulated
    emulated.detach()


@pytest.fixture(params=[FROM_ENV, IN_CODE], ids=["from_env", "in_code"])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The import string of an app."""
    (tmp_path / "attached_site.py").write_text(request.param)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "attached_site:app"
    sys.modules.pop("attached_site", None)


def client_of(app: Any) -> TestClient:
    return TestClient(app, base_url=ORIGIN, follow_redirects=False)


def test_app_signs_in_at_the_emulator(emulated: EmulatedTikTok, target: str) -> None:
    client = client_of(emulated.attach(target))
    assert client.get(emulated.consent(client.get(LOGIN).headers["location"])).status_code == 303
    assert client.get("/me").json() == {"display_name": "Amara Sol"}


def test_token_of_login_as_is_answered_by_the_emulator(emulated: EmulatedTikTok, target: str) -> None:
    client = client_of(emulated.attach(target))
    login_as(client, display_name="Grace", token=True)
    assert client.get("/me").json() == {"display_name": "Grace"}
    assert len(emulated.requests("user_info")) == 1


def test_detached_app_uses_its_own_tiktok_again(emulated: EmulatedTikTok) -> None:
    tiktok = TikTok("aw1", "s1", REDIRECT_URI, SECRET_KEY, store="memory://")
    app = TikTokAuthMiddleware(plain_app, tiktok)
    assert emulated.attach(app) is app
    assert client_of(app).get(LOGIN).headers["location"].startswith(emulated.url)
    emulated.detach()
    assert client_of(app).get(LOGIN).headers["location"].startswith("https://www.tiktok.com/")


@pytest.mark.anyio
async def test_token_is_never_sent_to_the_real_tiktok() -> None:
    tiktok = TikTok("aw1", "s1", REDIRECT_URI, SECRET_KEY, store="memory://")
    user = login_as(client_of(TikTokAuthMiddleware(plain_app, tiktok)), token=True)
    async with tiktok.api(user.open_id) as api:
        answer = await api.get("/v2/user/info/", params={"fields": "display_name"})
    assert answer.json()["data"]["user"] == {"display_name": "Ada"}


@pytest.mark.anyio
async def test_token_is_accepted_by_an_emulator_that_is_served() -> None:
    with run_emulator() as running:
        tiktok = new_tiktok(base_url=running.url)
        user = login_as(client_of(TikTokAuthMiddleware(plain_app, tiktok)), token=True)
        async with tiktok.api(user.open_id) as api:
            answer = await api.get("/v2/user/info/", params={"fields": "display_name"})
        await tiktok.aclose()
    assert answer.json()["data"]["user"] == {"display_name": "Ada"}


@pytest.mark.parametrize(
    ("app", "sentence"),
    [
        (plain_app, "found no TikTokAuthMiddleware in this Starlette. Pass the app that is wrapped"),
        ("tests.support.app", 'does not name an app. Write "tests.support.app:app".'),
        ("tests.support.app:nothing", "has no attribute 'nothing'. Name the app in the module."),
    ],
)
def test_app_that_cannot_be_attached(emulated: EmulatedTikTok, app: Any, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        emulated.attach(app)
    assert sentence in str(refused.value)
