"""The types that the FastAPI dependencies give to a route."""

from typing import Annotated, Literal, assert_type

from fastapi import APIRouter, FastAPI, Security, params

from asgi_tiktok import AnonymousUser, TikTok, TikTokAuthMiddleware, TikTokUser
from asgi_tiktok.fastapi import CurrentUser, OptionalUser, current_user, optional_user, requires_scope

FilmMaker = Annotated[TikTokUser, requires_scope("video.list")]


async def current(user: CurrentUser) -> None:
    assert_type(user, TikTokUser)
    assert_type(user.open_id, str)
    assert_type(user.display_name, str | None)


async def optional(user: OptionalUser) -> str:
    assert_type(user, TikTokUser | AnonymousUser)
    if user.is_authenticated is True:
        assert_type(user, TikTokUser)
        return user.open_id
    assert_type(user, AnonymousUser)
    assert_type(user.is_authenticated, Literal[False])
    return user.display_name


async def optional_as_none(user: OptionalUser) -> TikTokUser | None:
    if user.is_authenticated is False:
        return None
    return assert_type(user, TikTokUser)


async def with_scope(user: FilmMaker, other: Annotated[TikTokUser, Security(current_user)]) -> None:
    assert_type(user, TikTokUser)
    assert_type(other, TikTokUser)


def install(tiktok: TikTok) -> None:
    assert_type(requires_scope("video.list", "user.info.stats"), params.Security)
    router = APIRouter(dependencies=[requires_scope("video.list")])
    app = FastAPI()
    app.include_router(router)
    app.add_middleware(TikTokAuthMiddleware, tiktok=tiktok, protect=("/studio",))
    app.dependency_overrides[current_user] = lambda: TikTokUser(open_id="ada")
    app.dependency_overrides[optional_user] = AnonymousUser
