"""What is specific to the store in an SQLite file."""

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anyio
import pytest

from asgi_tiktok import SQLiteStore, StoreError
from asgi_tiktok.stores import open_store, record_format, sqlite, sqlite_purge, sqlite_thread
from tests.support.clock import Clock
from tests.support.waiting import TIMEOUT

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "store.sqlite3"


async def test_the_file_is_created_on_first_use_and_is_private(path: Path) -> None:
    store = SQLiteStore(path)
    assert not path.parent.exists()
    await store.set("k", b"1", ttl=60)
    await store.aclose()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert (path.parent / ".gitignore").read_text() == "*\n"


async def test_an_existing_folder_is_not_changed(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.sqlite3")
    await store.set("k", b"1", ttl=60)
    await store.aclose()

    assert not (tmp_path / ".gitignore").exists()


async def test_records_survive_a_restart(path: Path) -> None:
    first = SQLiteStore(path)
    await first.set("k", b"1", ttl=60)
    await first.aclose()
    second = SQLiteStore(path)

    assert await second.get("k") == b"1"
    await second.aclose()


async def test_two_processes_share_the_file(path: Path) -> None:
    store = SQLiteStore(path)
    await store.set("k", b"here", ttl=60)
    code = (
        "import asyncio, sys; from asgi_tiktok import SQLiteStore\n"
        "async def main():\n"
        "    store = SQLiteStore(sys.argv[1])\n"
        "    print((await store.get('k')).decode(), await store.add('k', b'', ttl=60), flush=True)\n"
        "    await store.set('there', b'too', ttl=60)\n"
        "asyncio.run(main())\n"
    )
    other = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=TIMEOUT)

    assert other.stdout == "here False\n", other.stderr
    assert await store.get("there") == b"too"
    await store.aclose()


def test_a_forked_process_opens_the_file_again(path: Path) -> None:
    code = (
        "import asyncio, os, sys; from asgi_tiktok import SQLiteStore\n"
        "store = SQLiteStore(sys.argv[1])\n"
        "asyncio.run(store.set('k', b'1', ttl=60))\n"
        "child = os.fork()\n"
        "line = f\"{asyncio.run(store.get('k'))} {asyncio.run(store.delete('missing'))}\\n\"\n"
        "os.write(1, line.encode())\n"
        "if child:\n"
        "    sys.exit(os.waitpid(child, 0)[1])\n"
    )
    forked = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=TIMEOUT)

    assert forked.stdout == "b'1' False\n" * 2, forked.stderr


async def test_a_locked_file_is_an_error_with_a_hint(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SQLiteStore(path)
    await store.set("k", b"1", ttl=60)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with monkeypatch.context() as impatient:
        set_busy_timeout(impatient, 0.1)
        with pytest.raises(StoreError, match="Another process keeps the file locked"):
            await store.set("k", b"2", ttl=60)
    assert await store.get("k") == b"1"
    other.execute("ROLLBACK")
    other.close()
    await store.set("k", b"3", ttl=60)
    assert await store.get("k") == b"3"
    await store.aclose()


async def test_a_damaged_file_is_never_deleted(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is not a database, but someone may still need it" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="keep it"):
        await SQLiteStore(path).get("k")

    assert path.read_bytes() == before


async def test_a_full_file_can_still_be_read(path: Path) -> None:
    store = SQLiteStore(path)
    await store.set("k", b"1", ttl=60)
    assert store._writer.connection is not None
    store._writer.connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreError, match="make room"):
        await store.set("big", b"x" * 1_000_000, ttl=60)

    assert await store.get("k") == b"1"
    await store.aclose()


READ_ONLY = """
import asyncio, os, pathlib, sys
from asgi_tiktok import SQLiteStore
from asgi_tiktok import StoreError

path = pathlib.Path(sys.argv[1])
path.chmod(0o444)
path.parent.chmod(0o555)
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

async def main():
    store = SQLiteStore(path)
    print(await store.get("k"), [key async for key in store.owned("ada")])
    try:
        await store.set("k", b"2", ttl=60)
    except StoreError as error:
        print(error.hint)

    print("read", flush=True)
    input()
    try:
        print(await store.get("k"))
    except StoreError:
        print("refused")

asyncio.run(main())
"""


def test_a_read_only_file_can_be_read_until_it_can_be_written_again() -> None:
    # Other users cannot enter the folders of pytest.
    with tempfile.TemporaryDirectory(prefix="asgi-tiktok-") as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "store" / "store.sqlite3"
        store = SQLiteStore(path)
        anyio.run(fill, store)
        # The process gives up root, and could not write its coverage data.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
        command = [sys.executable, "-c", READ_ONLY, str(path)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment) as reader:
            assert reader.stdout
            before = [reader.stdout.readline() for _ in range(3)]
            path.parent.chmod(0o755)
            path.chmod(0o644)
            anyio.run(store.delete, "k")
            after, errors = reader.communicate("\n", timeout=TIMEOUT)

    assert before == [
        "b'1' ['k']\n",
        "The app's user must be able to write to this file and to its folder.\n",
        "read\n",
    ], errors
    assert after in ("None\n", "refused\n")


async def fill(store: SQLiteStore) -> None:
    await store.set("k", b"1", ttl=600, owner="ada")
    await store.aclose()


async def test_an_impossible_path_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="write"):
        await SQLiteStore(tmp_path / "file" / "store.sqlite3").get("k")


async def test_expired_rows_are_deleted_batch_by_batch(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_purge, "PAUSE", 60)
    store = SQLiteStore(path)
    for number in range(300):
        await store.set(str(number), b"", ttl=1)
    await store.aclose()
    clock.advance(120)
    await store.set("k", b"1", ttl=600)
    await wait_for_rows(path, 300 - sqlite_purge.BATCH + 2)  # "k", and the lease of the process that deletes
    await store.aclose()

    clock.advance(120)
    await store.set("k", b"1", ttl=600)
    await wait_for_rows(path, 1)
    await store.aclose()


async def test_one_process_at_a_time_deletes_expired_rows(path: Path, clock: Clock) -> None:
    store = SQLiteStore(path)
    await store.set("expired", b"", ttl=1)
    await store.add(sqlite_purge.LEASE, b"another process", ttl=300)
    clock.advance(120)
    await store.set("k", b"1", ttl=600)
    await store.aclose()
    assert count_rows(path) == 3

    clock.advance(300)
    await store.set("k", b"1", ttl=600)
    await wait_for_rows(path, 1)
    await store.aclose()


async def test_purging_ends_with_aclose(path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_purge, "BATCH", 1)
    store = SQLiteStore(path)
    for number in range(50):
        await store.set(str(number), b"", ttl=1)
    clock.advance(120)
    await store.set("k", b"1", ttl=60)
    await store.aclose()
    before = count_rows(path)
    await anyio.sleep(0.2)

    assert before > 1
    assert count_rows(path) == before
    assert store._writer.connection is None


async def test_a_large_log_is_truncated_while_rows_are_deleted(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_purge, "MAX_LOG", 0)
    store = SQLiteStore(path)
    log = path.with_name(f"{path.name}-wal")
    await store.set("expired", b"x" * 100_000, ttl=1)
    assert log.stat().st_size > 100_000
    clock.advance(120)
    await store.set("k", b"1", ttl=60)
    with anyio.fail_after(TIMEOUT):
        while log.stat().st_size > 0:
            await anyio.sleep(0.01)
    assert await store.get("k") == b"1"
    await store.aclose()


async def test_the_file_stays_the_same_when_the_process_changes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    stores = [SQLiteStore("own.sqlite3"), open_store("sqlite+aiosqlite:///table.sqlite3")]
    for store in stores:
        await store.set("k", b"1", ttl=60)
    monkeypatch.chdir(tmp_path / "other")
    for store in stores:
        await store.aclose()
        assert await store.get("k") == b"1"
        await store.aclose()

    assert not list((tmp_path / "other").iterdir())


async def test_a_failed_purge_does_not_fail_the_write(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite_purge, "DELETE_EXPIRED", "DELETE FROM missing_table WHERE ? AND ?")
    store = SQLiteStore(path)
    await store.set("k", b"1", ttl=60)
    with anyio.fail_after(TIMEOUT):
        while "expired records not deleted" not in caplog.text:
            await anyio.sleep(0.01)
    assert await store.get("k") == b"1"
    await store.aclose()


async def test_a_locked_file_delays_reads_and_writes_only_briefly(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SQLiteStore(path)
    await store.set("k", b"1", ttl=60)
    set_busy_timeout(monkeypatch, 1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refused: list[StoreError] = []

    async def write(number: int) -> None:
        with pytest.raises(StoreError) as caught:
            await store.set(str(number), b"", ttl=60)
        refused.append(caught.value)

    started = time.monotonic()
    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(write, number)
        await anyio.sleep(0.05)
        assert await store.get("k") == b"1"
        assert refused == []
    assert time.monotonic() - started < 10

    other.execute("ROLLBACK")
    other.close()
    await store.aclose()


async def test_a_deleted_file_is_created_again_for_all_stores(path: Path) -> None:
    store, other = SQLiteStore(path), SQLiteStore(path)
    await store.set("k", b"1", ttl=60)
    for file in path.parent.glob("store.sqlite3*"):
        file.unlink()

    assert await store.get("k") is None
    await store.set("k", b"2", ttl=60)
    assert await other.get("k") == b"2"
    await store.aclose()
    await other.aclose()


def set_busy_timeout(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    for module in (sqlite, sqlite_thread):
        monkeypatch.setattr(module, "BUSY_TIMEOUT", seconds)


async def wait_for_rows(path: Path, number: int) -> None:
    with anyio.fail_after(TIMEOUT):
        while count_rows(path) != number:
            await anyio.sleep(0.01)


def count_rows(path: Path) -> int:
    database = sqlite3.connect(path)
    try:
        query = "SELECT count(*) FROM tiktok_records WHERE ends_at < ?"  # without the mark of the format
        return int(database.execute(query, (record_format.NEVER,)).fetchone()[0])
    finally:
        database.close()
