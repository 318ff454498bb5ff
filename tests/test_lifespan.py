"""The lifespan: connections are closed when the app has stopped, also for apps without a lifespan."""

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok import TikTok, TikTokAuthMiddleware
from tests.support.settings import ORIGIN


@pytest.fixture
def events(tiktok: TikTok, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list to which every call of `tiktok.aclose` adds "closed"."""
    events: list[str] = []

    async def aclose() -> None:
        events.append("closed")

    monkeypatch.setattr(tiktok, "aclose", aclose)
    return events


async def without_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("only HTTP here")  # as Django does


async def returning(scope: Scope, receive: Receive, send: Send) -> None:
    return


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    raise RuntimeError("no database")


@pytest.mark.parametrize("app", [without_lifespan, returning])
def test_connections_are_closed_for_an_app_without_lifespan(tiktok: TikTok, events: list[str], app: ASGIApp) -> None:
    with TestClient(TikTokAuthMiddleware(app, tiktok), base_url=ORIGIN):
        assert events == []
    assert events == ["closed"]


def test_connections_are_closed_after_the_app_has_stopped(tiktok: TikTok, events: list[str]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(2):
            message = await receive()
            events.append(message["type"])
            await send({"type": f"{message['type']}.complete"})

    with TestClient(TikTokAuthMiddleware(app, tiktok), base_url=ORIGIN):
        assert events == ["lifespan.startup"]
    assert events == ["lifespan.startup", "lifespan.shutdown", "closed"]


def test_error_of_an_app_that_cannot_start_is_raised(tiktok: TikTok) -> None:
    with pytest.raises(RuntimeError, match="no database"), TestClient(TikTokAuthMiddleware(failing, tiktok)):
        pass
