"""The questions TikTok leaves open, and the answers an emulator may be built with."""

from typing import Literal, get_args

Lifetimes = Literal["new", "legacy"]
Rotation = Literal["strict", "legacy"]
OAuthErrorStatus = Literal[200, 400]
WebPKCE = Literal["ignore", "verify-hex", "require"]
Decision = Literal["approve", "deny"]


def check_choice(name: str, value: object, choices: object) -> None:
    """Raise ValueError, naming the choices, unless `value` is one of the literal type's."""
    allowed = get_args(choices)
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is not one of {', '.join(map(repr, allowed))}.")
