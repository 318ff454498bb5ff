"""The types of the hooks: two or three arguments, and objects. A decorated hook keeps its type."""

from collections.abc import Mapping
from typing import Any, assert_type

from starlette.requests import Request

from asgi_tiktok import Grant, LoginRequired, TikTok, TikTokError, TikTokSession, TikTokUser, Token, WebhookEvent


class Service:
    async def __call__(self, user: TikTokUser, request: Request, grant: Grant) -> dict[str, int]:
        return {"id": 1}

    async def on_login(self, user: TikTokUser, request: Request) -> None: ...


def install(tiktok: TikTok) -> None:
    @tiktok.on_login
    async def two(user: TikTokUser, request: Request) -> dict[str, Any]:
        return {"id": user.open_id}

    @tiktok.on_login
    async def three(user: TikTokUser, request: Request, grant: Grant) -> dict[str, int] | None:
        assert_type(grant.token, Token)
        assert_type(grant.missing_scopes, tuple[str, ...])
        assert_type(grant.params, Mapping[str, Any])
        async with grant.api() as api:
            await api.get("/v2/user/info/")
        return None

    @tiktok.on_logout
    async def logout(user: TikTokUser, request: Request) -> None: ...

    @tiktok.on_failed_login
    async def failed(error: TikTokError, request: Request) -> None: ...

    @tiktok.on_refresh_failed
    async def refresh_failed(open_id: str, error: LoginRequired) -> None: ...

    @tiktok.on_event
    @tiktok.on_deauthorized
    async def event(event: WebhookEvent) -> None: ...

    assert_type(tiktok.on_login(Service()), Service)
    tiktok.on_login(Service().on_login)


async def use(three: Service, user: TikTokUser, request: Request, grant: Grant) -> None:
    assert_type(await three(user, request, grant), dict[str, int])


def links(session: TikTokSession) -> str:
    return session.login_url(next="/", scopes=["video.list"], params={"invite": "x7"}, switch_account=False)


def mistakes(tiktok: TikTok) -> None:
    def not_async(user: TikTokUser, request: Request) -> None: ...

    async def four(user: TikTokUser, request: Request, grant: Grant, more: int) -> None: ...

    tiktok.on_login(not_async)  # type: ignore[type-var]
    tiktok.on_login(four)  # type: ignore[type-var]
    tiktok.on_failed_login(four)  # type: ignore[type-var]
    tiktok.on_refresh_failed(four)  # type: ignore[type-var]
