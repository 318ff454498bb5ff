"""Sentences for arguments that do not exist, and for those that are missing."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import ParamSpec

P = ParamSpec("P")
Init = Callable[P, None]

OF_MIDDLEWARE = (
    "protect",
    "public",
    "skip",
    "challenges",
    "on_error",
    "websocket_origins",
    "allow_missing_origin",
    "websocket_recheck",
)


def check_arguments(
    owner: str, *, missing: str, elsewhere: Mapping[str, Iterable[str]]
) -> Callable[[Init[P]], Init[P]]:
    """Decorate the constructor of the class `owner`: its TypeError says what was meant.

    Args:
        owner (str): The name of the class.
        missing (str): What to do if a required argument is missing.
        elsewhere (Mapping[str, Iterable[str]]): Calls that take other arguments, for example `TikTok(...)`, and the
            names of these arguments.
    """

    def decorate(init: Init[P]) -> Init[P]:
        expected = signature(init)

        @wraps(init)
        def checked(*args: P.args, **kwargs: P.kwargs) -> None:
            for name in kwargs.keys() - expected.parameters.keys():
                raise TypeError(f"{owner} has no argument {name!r}. {fix_of(name, expected, elsewhere)}")
            if absent := absent_arguments(expected, args, kwargs):
                raise TypeError(f"{owner} needs {', '.join(absent)}. {missing}")
            init(*args, **kwargs)

        return checked

    return decorate


def fix_of(name: str, expected: Signature, elsewhere: Mapping[str, Iterable[str]]) -> str:
    """Return the sentence that says what was meant by the name."""
    for call, names in elsewhere.items():
        if name in names:
            return f"It belongs to {call}."
    names = [each for each in expected.parameters if each != "self"]
    if close := get_close_matches(name, names, 1):
        return f"Did you mean {close[0]}?"
    for call, others in elsewhere.items():
        if close := get_close_matches(name, others, 1):
            return f"Did you mean {close[0]} of {call}?"
    return f"Its arguments are {', '.join(names)}."


def absent_arguments(expected: Signature, args: tuple[object, ...], kwargs: Mapping[str, object]) -> list[str]:
    """Return the names of the required arguments that the call lacks."""
    required = [name for name, each in expected.parameters.items() if each.default is Parameter.empty]
    return [name for position, name in enumerate(required) if position >= len(args) and name not in kwargs]


check_tiktok_arguments = check_arguments(
    "TikTok",
    missing="Pass them, or write TikTok.from_env(), which reads the TIKTOK_* variables.",
    elsewhere={"TikTokAuthMiddleware(app, tiktok, ...)": OF_MIDDLEWARE},
)
