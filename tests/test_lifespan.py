"""The lifespan: connections are closed when the app has stopped, also for apps without a lifespan."""

import logging
from typing import Any

import pytest
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.handlers.asgi import ASGIHandler
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
    raise ValueError("only HTTP here")


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


def test_error_before_the_lifespan_began_is_logged_once_with_its_traceback(
    tiktok: TikTok, caplog: pytest.LogCaptureFixture
) -> None:
    """The app may not support the lifespan protocol, or it may have failed to start."""
    twice = TikTokAuthMiddleware(TikTokAuthMiddleware(without_lifespan, tiktok), tiktok)
    with TestClient(twice, base_url=ORIGIN):
        pass

    [record] = [record for record in caplog.records if record.name == "asgi_tiktok"]
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "the app raised before its lifespan began; ignore this if it does not support the lifespan protocol"
    )
    assert record.exc_info
    assert str(record.exc_info[1]) == "only HTTP here"
    assert "in without_lifespan" in caplog.text


class ASGIHandlerOfASite(ASGIHandler):  # type: ignore[misc]
    """A handler that a site has extended."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)


def django(kind: type[ASGIHandler]) -> Any:
    """A handler of Django without its middleware, so that Django needs no settings."""
    return object.__new__(kind)


def static_files() -> ASGIApp:
    handler: ASGIApp = django(ASGIStaticFilesHandler)
    vars(handler)["application"] = django(ASGIHandler)
    return handler


@pytest.mark.parametrize("app", [django(ASGIHandler), django(ASGIHandlerOfASite), static_files()])
def test_django_is_known_not_to_support_the_lifespan(
    tiktok: TikTok, caplog: pytest.LogCaptureFixture, app: ASGIApp
) -> None:
    with TestClient(TikTokAuthMiddleware(app, tiktok), base_url=ORIGIN):
        pass
    assert [record for record in caplog.records if record.name == "asgi_tiktok"] == []
