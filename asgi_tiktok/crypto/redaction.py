"""What keeps secrets out of error trackers, which show the locals of every frame an error went through."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from asgi_tiktok.errors import TikTokError

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=TikTokError)


class Secret(str):
    """A text that no repr tells, nor the repr of whatever holds it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(...)"


def bare(error: E) -> E:
    """The error without the frames that it went through, and without what was behind it."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def discreet(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Let the method's errors of ours come out bare, for what it was given is secret."""

    # Not async: the frame of a coroutine would hold the arguments.
    @wraps(method)
    def begin(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        return finish(method(*args, **kwargs))

    return begin


async def finish(call: Coroutine[Any, Any, T]) -> T:
    try:
        return await call
    except TikTokError as error:
        raise bare(error)  # noqa: B904 - it is the same error
