"""Keep secrets out of error trackers, which show the locals of every frame that an error has passed."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Generic, NoReturn, ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=BaseException)


class Secret(Generic[T]):
    """A value that only `reveal()` returns. It appears in no `repr`, string, JSON, pickle or dump of attributes."""

    __slots__ = ("reveal",)

    reveal: Callable[[], T]
    """Return the value."""

    def __init__(self, value: T) -> None:
        # A closure, because tools that dump objects also read slots.
        self.reveal = lambda: value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret cannot be pickled.")


def without_traceback(error: E) -> E:
    """Return the error without the frames that it has passed, its cause and its context."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def strip_tracebacks(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Strip tracebacks from the method's errors, because its arguments are secrets."""

    # Not async: the frame of a coroutine would hold the arguments.
    @wraps(method)
    def begin(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        return finish(method(*args, **kwargs))

    return begin


async def finish(call: Coroutine[Any, Any, T]) -> T:
    try:
        return await call
    except BaseException as error:
        raise without_traceback(error)  # noqa: B904 - it is the same error
