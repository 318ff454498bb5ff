"""Which functions and objects can be hooks, and which are refused when they are added."""

import asyncio
import functools
import inspect
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from starlette.requests import Request
from starlette.testclient import TestClient

from asgi_tiktok import ConfigurationError, Grant, TikTok, TikTokError, TikTokUser
from asgi_tiktok.emulator import Emulator
from tests.support.login import sign_in

CALLS: list[int] = []


async def two(user: TikTokUser, request: Request) -> None:
    CALLS.append(2)


async def three(user: TikTokUser, request: Request, grant: Grant) -> None:
    assert isinstance(grant, Grant)
    CALLS.append(3)


async def with_settings(settings: str, user: TikTokUser, request: Request, grant: Grant, *, limit: int = 1) -> None:
    CALLS.append(3)


def sync(user: TikTokUser, request: Request, grant: Grant) -> None:
    CALLS.append(3)


class Service:
    async def __call__(self, user: TikTokUser, request: Request, grant: Grant) -> None:
        CALLS.append(3)

    async def method(self, user: TikTokUser, request: Request) -> None:
        CALLS.append(2)

    @classmethod
    async def class_method(cls, user: TikTokUser, request: Request) -> None:
        CALLS.append(2)


def decorated(hook: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    """A decorator of an app that keeps the signature and marks the result as async."""

    @functools.wraps(hook)
    def wrapper(*args: Any) -> Coroutine[Any, Any, None]:
        return hook(*args)

    if sys.version_info >= (3, 12):
        return inspect.markcoroutinefunction(wrapper)
    vars(wrapper)["_is_coroutine"] = vars(asyncio.coroutines)["_is_coroutine"]
    return wrapper


HOOKS: dict[str, tuple[Callable[..., Any], int]] = {
    "two arguments": (two, 2),
    "three arguments": (three, 3),
    "partial": (functools.partial(with_settings, "settings", limit=2), 3),
    "partial of a partial": (functools.partial(functools.partial(with_settings, "settings"), limit=2), 3),
    "partial of an object": (functools.partial(Service()), 3),
    "object": (Service(), 3),
    "method": (Service().method, 2),
    "class method": (Service.class_method, 2),
    "sync_to_async": (sync_to_async(sync), 3),
    "marked": (decorated(three), 3),
}


@pytest.mark.parametrize(("hook", "arguments"), HOOKS.values(), ids=HOOKS.keys())
def test_async_callable_is_a_hook(
    browser: TestClient, tiktok: TikTok, emulator: Emulator, hook: Callable[..., Any], arguments: int
) -> None:
    CALLS.clear()
    assert tiktok.on_login(hook) is hook
    sign_in(browser, emulator)

    assert [arguments] == CALLS


def test_mark_of_asyncio_is_accepted(tiktok: TikTok) -> None:
    """Wrappers that were written for Python 3.11 set it."""

    def wrapper(user: TikTokUser, request: Request) -> Coroutine[Any, Any, None]:
        return two(user, request)

    vars(wrapper)["_is_coroutine"] = vars(asyncio.coroutines)["_is_coroutine"]
    tiktok.on_login(wrapper)


async def no_arguments() -> None: ...


async def four_arguments(user: TikTokUser, request: Request, grant: Grant, more: str) -> None: ...


async def generator(user: TikTokUser, request: Request) -> Any:
    yield


BAD_HOOKS: dict[str, Any] = {
    "nothing": None,
    "string": "hook",
    "not async": sync,
    "class": Service,
    "async_to_sync": async_to_sync(three),
    "generator": generator,
    "lambda": lambda user, request: None,
    "no arguments": no_arguments,
    "four arguments": four_arguments,
}


NAMES = ["on_login", "on_logout", "on_failed_login", "on_refresh_failed", "on_deauthorized", "on_event"]


@pytest.mark.parametrize("hook", BAD_HOOKS.values(), ids=BAD_HOOKS.keys())
@pytest.mark.parametrize("name", NAMES)
def test_anything_else_is_refused_with_the_form_to_write(tiktok: TikTok, name: str, hook: Any) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{name} .*Write async def hook\("):
        getattr(tiktok, name)(hook)


def test_bad_arguments_are_named(tiktok: TikTok) -> None:
    with pytest.raises(ConfigurationError) as caught:
        tiktok.on_login(four_arguments)  # type: ignore[type-var]

    assert "more: str" in str(caught.value)
    assert str(caught.value).endswith("Write async def hook(user, request, grant).")


def test_events_take_one_argument(tiktok: TikTok) -> None:
    with pytest.raises(ConfigurationError, match=r"Write async def hook\(event\)\.$"):
        tiktok.on_event(two)  # type: ignore[type-var]


def test_failed_login_hooks_get_the_error(browser: TestClient, tiktok: TikTok) -> None:
    errors: list[TikTokError] = []

    @tiktok.on_failed_login
    async def remember(error: TikTokError, request: Request) -> None:
        errors.append(error)

    browser.get("/auth/tiktok/callback")

    assert [error.code for error in errors] == ["invalid_callback"]
