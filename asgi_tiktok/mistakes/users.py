"""Sentences for attributes that a user does not have."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

NO_EMAIL = "TikTok gives apps no e-mail address. Use open_id to recognize a user, and ask for the address yourself."
MEANT = {
    **dict.fromkeys(("id", "sub", "user_id", "pk"), "open_id"),
    **dict.fromkeys(("name", "nickname", "full_name"), "display_name"),
    **dict.fromkeys(("avatar", "picture", "image", "photo"), "avatar_url"),
}
"""The attributes of a user under the names that other libraries use."""


def field_meant(name: str, names: Iterable[str]) -> str | None:
    """Return the field that has this name in other libraries, or one of `names` with a similar spelling."""
    return MEANT.get(name) or next(iter(get_close_matches(name, names, 1)), None)


class UserMistakes:
    """A user whose errors say which attribute was meant. Type checkers report the same mistakes by themselves."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getitem__(self, name: object) -> Any:
            fix = f"user.{name}" if isinstance(name, str) and name.isidentifier() else "user.display_name"
            raise TypeError(f"{type(self).__name__} is not a dict. Write {fix}.")

        def __getattr__(self, name: str) -> Any:
            error = f"{type(self).__name__} has no attribute {name!r}."
            if not name.startswith("_"):
                error = f"{error} {self._meant_by(name)}".rstrip()
            raise AttributeError(error)

        def _meant_by(self, name: str) -> str:
            if name in ("email", "mail", "email_verified"):
                return NO_EMAIL
            names = [each for each in dir(type(self)) if not each.startswith("_")]
            meant = field_meant(name, names)
            return f"Did you mean {meant}?" if meant else ""
