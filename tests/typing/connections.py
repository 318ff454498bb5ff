"""tiktok_session and tiktok_button accept the request or WebSocket of every framework."""

from collections.abc import Mapping
from typing import Any, assert_type

import litestar
import quart
import starlette.requests
import starlette.websockets
from django.core.handlers.asgi import ASGIRequest
from litestar.connection import ASGIConnection

from asgi_tiktok import (
    AnonymousUser,
    ConnectedAccount,
    SignedInBrowser,
    TikTok,
    TikTokSession,
    TikTokUser,
    Token,
    tiktok_button,
    tiktok_session,
)


def in_starlette(
    request: starlette.requests.Request,
    websocket: starlette.websockets.WebSocket,
    connection: starlette.requests.HTTPConnection,
) -> None:
    assert_type(tiktok_session(request), TikTokSession)
    assert_type(tiktok_session(websocket), TikTokSession)
    assert_type(tiktok_session(connection), TikTokSession)


def in_quart() -> None:
    assert_type(tiktok_session(quart.request), TikTokSession)
    assert_type(tiktok_session(quart.websocket), TikTokSession)


def in_litestar(
    request: litestar.Request[Any, Any, Any],
    websocket: litestar.WebSocket[Any, Any, Any],
    connection: ASGIConnection[Any, Any, Any, Any],
) -> None:
    assert_type(tiktok_session(request), TikTokSession)
    assert_type(tiktok_session(websocket), TikTokSession)
    assert_type(tiktok_session(connection), TikTokSession)


def in_django(request: ASGIRequest) -> None:
    assert_type(tiktok_session(request), TikTokSession)


async def session_attributes(session: TikTokSession) -> None:
    assert_type(session.user, TikTokUser | AnonymousUser)
    assert_type(session.require("video.list"), TikTokUser)
    assert_type(session.scopes, tuple[str, ...])
    assert_type(session.data, Mapping[str, Any])
    if session.user.is_authenticated is True:
        assert_type(session.user, TikTokUser)


def button(request: starlette.requests.Request) -> str:
    return tiktok_button(request, next="/studio", scopes=["video.list"], label="Sign in")


async def connecting(session: TikTokSession) -> None:
    assert_type(session.connect_url("ada", next="/settings"), str)
    assert_type(session.connect_url(7, scopes=["video.publish"]), str)
    account = await session.connected("ada")
    assert_type(account, ConnectedAccount | None)
    if account is not None:
        assert_type(account.profile, TikTokUser)
        assert_type(account.token, Token)
        assert_type(account.scopes, tuple[str, ...])


async def account_page(tiktok: TikTok) -> None:
    assert_type(await tiktok.sessions_of("ada"), list[SignedInBrowser])
    assert_type(await tiktok.end_session("id"), bool)
