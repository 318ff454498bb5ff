"""The mark of the format of a table: two kinds of SQLite stores must not take each other's records for expired."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from asgi_tiktok import Store, StoreError
from asgi_tiktok.stores import open_store

pytestmark = pytest.mark.anyio

SCHEMES = ("sqlite:///", "sqlite+aiosqlite:///")


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def other(scheme: str) -> str:
    return SCHEMES[1 - SCHEMES.index(scheme)]


def execute(path: Path, statement: str, *parameters: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db, db:
        return db.execute(statement, parameters).fetchall()


async def write(scheme: str, path: Path) -> None:
    store = open_store(f"{scheme}{path}")
    await store.set("k", b"1", ttl=60)
    await store.aclose()


async def refused(store: Store) -> str:
    """Return the error of every method, which must be the same."""
    messages = set()
    for operation in (store.get("k"), store.set("new", b"2", ttl=60), store.delete("k")):
        with pytest.raises(StoreError) as caught:
            await operation
        messages.add(str(caught.value))
    await store.aclose()
    (message,) = messages
    return message


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "of an older version"])
async def test_a_file_of_the_other_kind_is_refused_and_not_purged(scheme: str, marked: bool, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    await write(scheme, path)
    if not marked:
        execute(path, "DELETE FROM tiktok_records WHERE key = 'asgi-tiktok:format'")
    before = execute(path, "SELECT * FROM tiktok_records")

    assert "cannot share a file" in await refused(open_store(f"{other(scheme)}{path}"))
    assert execute(path, "SELECT * FROM tiktok_records") == before
    store = open_store(f"{scheme}{path}")
    assert await store.get("k") == b"1"
    await store.aclose()


async def test_a_file_of_an_older_version_gets_the_mark(scheme: str, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    await write(scheme, path)
    execute(path, "DELETE FROM tiktok_records WHERE key = 'asgi-tiktok:format'")
    store = open_store(f"{scheme}{path}")

    assert await store.get("k") == b"1"
    await store.aclose()
    assert execute(path, "SELECT count(*) FROM tiktok_records WHERE key = 'asgi-tiktok:format'") == [(1,)]


async def test_a_file_that_both_kinds_have_written_is_refused(scheme: str, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    await write(scheme, path)
    execute(path, "DELETE FROM tiktok_records WHERE key = 'asgi-tiktok:format'")
    for seconds in (2e9, 2e12):
        execute(path, "INSERT INTO tiktok_records (key, value, ends_at) VALUES (?, '', ?)", str(seconds), seconds)

    assert "Move it away" in await refused(open_store(f"{scheme}{path}"))


async def test_a_newer_format_is_refused(scheme: str, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    await write(scheme, path)
    execute(path, "UPDATE tiktok_records SET value = ? WHERE key = 'asgi-tiktok:format'", b"9, centuries")

    assert "newer" in await refused(open_store(f"{scheme}{path}"))


async def test_the_mark_is_never_purged(scheme: str, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    await write(scheme, path)
    (ends_at,) = execute(path, "SELECT ends_at FROM tiktok_records WHERE key = 'asgi-tiktok:format'")[0]

    assert float(str(ends_at)) > 4e18
