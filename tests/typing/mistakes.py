"""Mistakes that type checkers report. An ignore comment for a mistake that they miss is an error itself."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from fastapi import APIRouter
from starlette.requests import Request

from asgi_tiktok import TikTokSession, TikTokUser, tiktok_button, tiktok_session
from asgi_tiktok.fastapi import CurrentUser, OptionalUser, requires_scope


async def an_optional_user_has_no_open_id(user: OptionalUser) -> str:
    return user.open_id  # type: ignore[return-value]


async def pyright_does_not_narrow_by_truth(user: OptionalUser) -> TikTokUser | None:
    # mypy narrows the type here. pyright does so only for `is True`.
    return user if user.is_authenticated else None  # pyright: ignore[reportReturnType]


async def a_user_has_no_token_and_no_email(user: CurrentUser) -> None:
    print(user.access_token)  # type: ignore[attr-defined]
    print(user.email)  # type: ignore[attr-defined]


async def a_user_is_read_only(user: CurrentUser) -> None:
    user.display_name = "Ada"  # type: ignore[misc]


async def a_display_name_can_be_none(user: CurrentUser) -> str:
    return user.display_name  # type: ignore[return-value]


def a_count_can_be_none_without_its_scope(session: TikTokSession) -> int:
    return session.require("video.list").follower_count  # type: ignore[return-value]


def a_scope_is_a_string() -> None:
    requires_scope(["video.list"])  # type: ignore[arg-type]


def a_scope_is_not_a_dependency() -> APIRouter:
    return APIRouter(dependencies=["video.list"])  # type: ignore[list-item]


def a_session_requires_a_connection(request: Request) -> None:
    tiktok_session(request.scope)  # type: ignore[arg-type]
    tiktok_session(None)  # type: ignore[arg-type]


def button_settings_are_keyword_arguments(request: Request) -> str:
    return tiktok_button(request, "/studio")  # type: ignore[call-arg]
