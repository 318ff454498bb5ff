"""Whether a hook can be called: it must be async, and take the arguments of its kind."""

import asyncio
from collections.abc import Callable
from functools import partial
from inspect import Parameter, Signature, iscoroutinefunction, signature
from typing import Any

from asgi_tiktok.errors import ConfigurationError

# What asyncio.iscoroutinefunction looks for, which is deprecated since Python 3.14.
ASYNCIO_MARK = getattr(asyncio.coroutines, "_is_coroutine", None)


def check_hook(name: str, hook: object, *, arguments: tuple[str, ...], optional: str | None = None) -> None:
    """Raise ConfigurationError for a hook that is not async or takes other arguments."""
    forms = [arguments] if optional is None else [arguments, (*arguments, optional)]
    fix = f"Write async def hook({', '.join(forms[-1])})."
    if not callable(hook) or not is_async(hook):
        raise ConfigurationError(f"{name} needs an async function.", hint=fix)
    if not any(accepts(signature(hook), len(form)) for form in forms):
        raise ConfigurationError(f"{name} was given a function with the arguments {signature(hook)}.", hint=fix)


def is_async(hook: Callable[..., Any]) -> bool:
    """True if calling the hook returns a coroutine, as far as its declaration shows."""
    while isinstance(hook, partial):
        hook = hook.func
    marked = ASYNCIO_MARK is not None and getattr(hook, "_is_coroutine", None) is ASYNCIO_MARK
    return marked or iscoroutinefunction(hook) or iscoroutinefunction(type(hook).__call__)


def takes_grant(hook: Callable[..., Any]) -> bool:
    """True if the third argument of an `on_login` hook is the grant, and not a default of the app."""
    found = signature(hook)
    third = [each for each in found.parameters.values() if each.kind in POSITIONAL][2:3]
    return not accepts(found, 2) or [each.name for each in third] == ["grant"]


POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def accepts(found: Signature, count: int) -> bool:
    """True if a function with this signature can be called with so many arguments."""
    try:
        found.bind(*[None] * count)
    except TypeError:
        return False
    return True
