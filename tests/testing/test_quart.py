"""login_as with Quart's own test client."""

from typing import Any, cast

import pytest
from quart import Quart, request, websocket

from asgi_tiktok import TikTok
from asgi_tiktok.quart import TikTokAuth
from asgi_tiktok.testing import login_as, login_as_async
from tests.support.settings import ORIGIN


@pytest.fixture
def app(tiktok: TikTok) -> Quart:
    app = Quart(__name__)

    @app.get("/me")
    async def me() -> dict[str, object]:
        return {"name": cast(Any, request.scope)["user"].display_name}

    @app.websocket("/socket")
    async def socket() -> None:
        await websocket.send(cast(Any, websocket.scope)["user"].display_name)

    TikTokAuth(app, tiktok)
    return app


@pytest.mark.anyio
async def test_quart_client_is_signed_in(app: Quart) -> None:
    client = app.test_client()
    login_as(client)
    assert await (await client.get("/me")).get_json() == {"name": "Ada"}

    await login_as_async(client, display_name="Bob")
    assert await (await client.get("/me")).get_json() == {"name": "Bob"}
    async with client.websocket("/socket", headers={"origin": ORIGIN}) as socket:
        assert await socket.receive() == "Bob"

    signed_out = await client.post("/auth/tiktok/logout", headers={"sec-fetch-site": "same-origin"})
    assert signed_out.status_code == 303
    assert await (await client.get("/me")).get_json() == {"name": ""}
    assert client.cookie_jar is not None
    assert list(client.cookie_jar) == []


@pytest.mark.anyio
async def test_quart_client_without_cookies(app: Quart) -> None:
    with pytest.raises(ValueError, match="found no cookie jar in this QuartClient"):
        login_as(app.test_client(use_cookies=False))
