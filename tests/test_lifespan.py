"""Starting and stopping, also of apps that take no part in it."""

import pytest
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from asgi_tiktok import TikTok, TikTokAuthMiddleware
from tests.support.settings import ORIGIN


@pytest.fixture
def closed(tiktok: TikTok, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    closings: list[str] = []

    async def aclose() -> None:
        closings.append("closed")

    monkeypatch.setattr(tiktok, "aclose", aclose)
    return closings


async def knows_none(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError("only HTTP here")  # as Django does


async def ignores_it(scope: Scope, receive: Receive, send: Send) -> None:
    return


async def takes_part(scope: Scope, receive: Receive, send: Send) -> None:
    for stage in ("startup", "shutdown"):
        assert (await receive())["type"] == f"lifespan.{stage}"
        await send({"type": f"lifespan.{stage}.complete"})


async def fails(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    raise RuntimeError("no database")


@pytest.mark.parametrize("app", [knows_none, ignores_it, takes_part])
def test_what_was_opened_is_closed_when_the_app_has_stopped(tiktok: TikTok, closed: list[str], app: object) -> None:
    with TestClient(TikTokAuthMiddleware(app, tiktok), base_url=ORIGIN):  # type: ignore[arg-type]
        assert closed == []
    assert closed == ["closed"]


def test_an_app_that_cannot_start_says_so(tiktok: TikTok, closed: list[str]) -> None:
    with pytest.raises(RuntimeError, match="no database"), TestClient(TikTokAuthMiddleware(fails, tiktok)):
        pass
