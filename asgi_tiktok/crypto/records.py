"""Sealed records: JSON under a key, with a format version, bound to the place where it is kept.

A record that is sealed with a dictionary is compressed before. It must be opened with the same dictionary, which also
opens a record without one.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from asgi_tiktok.crypto.compression import Dictionary
from asgi_tiktok.crypto.keys import Key, Unreadable
from asgi_tiktok.errors import InvalidResponse

T = TypeVar("T")

FORMAT = 1


def seal_record(
    key: Key, purpose: str, facts: dict[str, Any], *, context: str, dictionary: Dictionary | None = None
) -> bytes:
    """Return the facts as bytes that only our keys open, and only in the same context."""
    # The shortest form, because a browser keeps the record of a pending login in a cookie. What an app stores with a
    # session can contain lone surrogates, which json.loads reads as they are written here.
    text = json.dumps({"format": FORMAT, **facts}, ensure_ascii=False, separators=(",", ":"))
    value = text.encode("utf-8", "surrogatepass")
    return key.seal(purpose, value if dictionary is None else dictionary.compress(value), context=context)


def open_record(
    keys: Iterable[Key],
    purpose: str,
    sealed: bytes,
    read: Callable[[dict[str, Any]], T],
    *,
    context: str,
    dictionary: Dictionary | None = None,
) -> T:
    """Return what `read` makes of the facts.

    Raises Unreadable for a record that was changed or moved, or that another version has written differently.
    """
    for key in keys:
        try:
            value = key.unseal(purpose, sealed, context=context)
            facts = json.loads(value if dictionary is None else dictionary.decompress(value))
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
