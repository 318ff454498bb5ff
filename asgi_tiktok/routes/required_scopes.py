"""The scopes that an app's routes require. Those that its framework lists are checked before the first request."""

from collections.abc import Callable, Iterable
from functools import singledispatch

ATTRIBUTE = "_tiktok_scopes"


@singledispatch
def required_scopes(app: object) -> Iterable[tuple[str, Iterable[str]]]:
    """Return the path and the scopes of each route. The module of a framework registers a function for its apps."""
    return ()


def scopes_of(handler: object) -> tuple[str, ...]:
    """Return the scopes that the decorators of a handler require."""
    scopes: tuple[str, ...] = getattr(handler, ATTRIBUTE, ())
    return scopes


def add_scopes(guarded: Callable[..., object], scopes: tuple[str, ...]) -> None:
    """Note the scopes on a decorated handler, beside those that `functools.wraps` has copied from the handler."""
    # Without scopes there is nothing to note, and method_decorator would replace those of a base class by nothing.
    if scopes:
        setattr(guarded, ATTRIBUTE, (*scopes_of(guarded), *scopes))
