"""What is specific to the store in memory."""

import pytest

from asgi_tiktok import MemoryStore

pytestmark = pytest.mark.anyio


async def test_the_number_of_records_is_limited() -> None:
    store = MemoryStore(max_records=3)
    for number in range(5):
        await store.set(str(number), b"", ttl=60)

    assert [await store.get(str(number)) for number in range(5)] == [None, None, b"", b"", b""]
    assert repr(store) == "MemoryStore(3 records)"


async def test_records_without_an_owner_push_out_no_record_with_one() -> None:
    store = MemoryStore(max_records=3)
    for number in range(3):
        await store.set(f"session {number}", b"", ttl=60, owner="ada")
    for number in range(100):
        assert await store.add(f"mark {number}", b"", ttl=60)
        assert await store.get(f"mark {number}") == b""

    assert [await store.get(f"session {number}") for number in range(3)] == [b"", b"", b""]
    assert repr(store) == "MemoryStore(6 records)"


async def test_record_counts_by_the_owner_that_was_written_last() -> None:
    store = MemoryStore(max_records=2)
    await store.set("a", b"1", ttl=60)
    await store.replace("a", b"1", b"2", ttl=60, owner="ada")
    for number in range(5):
        await store.set(str(number), b"", ttl=60)
    assert await store.get("a") == b"2"
    await store.set("a", b"3", ttl=60)
    await store.set("b", b"", ttl=60)

    assert await store.get("4") is None
    assert (await store.get("a"), await store.get("b")) == (b"3", b"")
