"""Sealed records: JSON under a key, with a format and a place of its own."""

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from asgi_tiktok.crypto.keys import Key, Unreadable
from asgi_tiktok.errors import InvalidResponse

T = TypeVar("T")

FORMAT = 1


def seal_record(key: Key, purpose: str, facts: dict[str, Any], *, place: str) -> bytes:
    """The facts as bytes that only our keys open, and only in this place."""
    return key.seal(purpose, json.dumps({"format": FORMAT, **facts}).encode(), context=place)


def open_record(
    keys: Iterable[Key], purpose: str, sealed: bytes, read: Callable[[dict[str, Any]], T], *, place: str
) -> T:
    """What `read` makes of the facts.

    Unreadable for a record that was changed or moved, or that another version wrote in its own way.
    """
    for key in keys:
        try:
            facts = json.loads(key.open(purpose, sealed, context=place))
        except Unreadable:
            continue
        except (ValueError, RecursionError):
            break
        if isinstance(facts, dict) and facts.pop("format", None) == FORMAT:
            try:
                return read(facts)
            except (KeyError, TypeError, ValueError, OverflowError, AttributeError, InvalidResponse):
                break
    raise Unreadable(purpose)
