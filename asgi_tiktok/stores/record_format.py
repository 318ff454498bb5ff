"""The mark of a table of records: the version of its format, and the unit of its times.

`sqlite:///file` and `sqlite+aiosqlite:///file` use the same table in different units. In the wrong unit, all sessions
would seem to have expired, and would be deleted.
"""

from asgi_tiktok.errors import StoreError

MARK = "asgi-tiktok:format"  # the key of the record that holds the mark
NEVER = 2**62  # the time at which the mark expires, in either unit
SECONDS = b"1, seconds"
MILLISECONDS = b"1, milliseconds"
BOUNDARY = 10**11  # the year 5138 in seconds, and March 1973 in milliseconds
OWN_FILE = (
    "sqlite:/// and sqlite+aiosqlite:/// cannot share a file: write the URL with which the file was created, or give "
    "this store a file or a table of its own."
)


def check_format(expected: bytes, found: bytes | None, first: float | None, last: float | None, where: str) -> None:
    """Raise StoreError if a table has another format.

    `first` and `last` are the earliest and the latest expiry time in a table without a mark, which an older version
    has created.
    """
    if found == expected:
        return
    if found is not None:
        unknown = found not in (SECONDS, MILLISECONDS)
        fix = "Use the version of asgi-tiktok that created it, or a newer one." if unknown else OWN_FILE
        raise StoreError(f"{where} has another format than this store.", hint=fix)
    if first is None or last is None:
        return
    unit = SECONDS if last < BOUNDARY else MILLISECONDS if first >= BOUNDARY else None
    if unit is None:
        fix = "Two kinds of stores have written to it. Move it away; all users must then sign in again."
        raise StoreError(f"{where} holds times in seconds and in milliseconds.", hint=fix)
    if unit != expected:
        raise StoreError(f"{where} has another format than this store.", hint=OWN_FILE)
