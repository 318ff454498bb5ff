"""Mistakes that type checkers name. A comment that ignores one that they miss is an error itself."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from fastapi import APIRouter
from starlette.requests import Request

from asgi_tiktok import TikTokUser, tiktok_button, tiktok_session
from asgi_tiktok.fastapi import CurrentUser, OptionalUser, requires_scope


async def nobody_is_not_somebody(user: OptionalUser) -> str:
    return user.open_id  # type: ignore[return-value]


async def truth_alone_tells_pyright_nothing(user: OptionalUser) -> TikTokUser | None:
    # mypy narrows here; pyright does so for `is True` alone.
    return user if user.is_authenticated else None  # pyright: ignore[reportReturnType]


async def a_user_has_no_token_and_no_address(user: CurrentUser) -> None:
    print(user.access_token)  # type: ignore[attr-defined]
    print(user.email)  # type: ignore[attr-defined]


async def a_user_does_not_change(user: CurrentUser) -> None:
    user.display_name = "Ada"  # type: ignore[misc]


async def a_name_may_be_missing(user: CurrentUser) -> str:
    return user.display_name  # type: ignore[return-value]


def a_scope_is_a_text() -> None:
    requires_scope(["video.list"])  # type: ignore[arg-type]


def a_scope_is_not_a_route() -> APIRouter:
    return APIRouter(dependencies=["video.list"])  # type: ignore[list-item]


def a_session_belongs_to_a_connection(request: Request) -> None:
    tiktok_session(request.scope)  # type: ignore[arg-type]
    tiktok_session(None)  # type: ignore[arg-type]


def a_button_names_its_settings(request: Request) -> str:
    return tiktok_button(request, "/studio")  # type: ignore[call-arg]
