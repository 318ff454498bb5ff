"""Keep secrets out of error trackers, which show the locals of every frame that an error has passed."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from asgi_tiktok.errors import TikTokError

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=TikTokError)


class Secret(str):
    """A string whose `repr` does not show it, nor does the `repr` of an object that holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(...)"


def without_traceback(error: E) -> E:
    """Return the error without the frames that it has passed, its cause and its context."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def strip_tracebacks(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Strip tracebacks from the method's TikTokErrors, because its arguments are secrets."""

    # Not async: the frame of a coroutine would hold the arguments.
    @wraps(method)
    def begin(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        return finish(method(*args, **kwargs))

    return begin


async def finish(call: Coroutine[Any, Any, T]) -> T:
    try:
        return await call
    except TikTokError as error:
        raise without_traceback(error)  # noqa: B904 - it is the same error
