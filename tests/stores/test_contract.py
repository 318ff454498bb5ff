"""The contract of the Store protocol, tested with every store."""

import anyio
import pytest

from asgi_tiktok import Store

pytestmark = pytest.mark.anyio


async def test_get_returns_none_for_a_missing_key(store: Store) -> None:
    assert await store.get("k") is None


async def test_get_returns_the_value_that_was_set(store: Store) -> None:
    await store.set("k", b"\x00\xff value", ttl=60)

    assert await store.get("k") == b"\x00\xff value"


async def test_set_replaces_value_owner_and_expiry(store: Store) -> None:
    await store.set("k", b"1", ttl=1, owner="ada")
    await store.set("k", b"2", ttl=60, owner="bob")

    assert await store.delete_owned("ada") == 0
    assert await store.get("k") == b"2"
    assert await store.delete_owned("bob") == 1


async def test_a_value_can_be_empty(store: Store) -> None:
    await store.set("k", b"", ttl=60)

    assert await store.get("k") == b""
    assert await store.add("k", b"x", ttl=60) is False


async def test_a_value_of_a_megabyte_is_returned_unchanged(store: Store) -> None:
    await store.set("k", bytes(range(256)) * 4096, ttl=60)

    assert await store.get("k") == bytes(range(256)) * 4096


async def test_keys_are_compared_byte_by_byte(store: Store) -> None:
    for key in ("key", "Key", "KEY", "key ", "k%"):
        await store.set(key, key.encode(), ttl=60)

    assert [await store.get(key) for key in ("key", "Key", "KEY", "key ", "k%")] == [
        b"key",
        b"Key",
        b"KEY",
        b"key ",
        b"k%",
    ]
    await store.delete("key")
    assert await store.get("Key") == b"Key"


async def test_owners_are_compared_byte_by_byte(store: Store) -> None:
    await store.set("1", b"", ttl=60, owner="OpenId")
    await store.set("2", b"", ttl=60, owner="openid")

    assert await store.delete_owned("openid") == 1
    assert await store.get("1") == b""


async def test_add_keeps_an_existing_record(store: Store) -> None:
    assert await store.add("k", b"1", ttl=60) is True
    assert await store.add("k", b"2", ttl=60) is False
    assert await store.get("k") == b"1"


async def test_one_of_fifty_concurrent_adds_succeeds(store: Store) -> None:
    added: list[bool] = []

    async def add(number: int) -> None:
        added.append(await store.add("k", str(number).encode(), ttl=60))

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(add, number)

    assert sorted(added) == [False] * 49 + [True]


async def test_replace_requires_the_old_value(store: Store) -> None:
    assert await store.replace("k", b"1", b"2", ttl=60) is False
    assert await store.get("k") is None
    await store.set("k", b"1", ttl=60, owner="ada")
    assert await store.replace("k", b"0", b"2", ttl=60) is False
    assert await store.get("k") == b"1"
    assert await store.replace("k", b"1", b"2", ttl=60, owner="ada") is True
    assert await store.get("k") == b"2"
    assert await store.delete_owned("ada") == 1


async def test_replace_does_not_restore_a_deleted_record(store: Store) -> None:
    await store.set("k", b"1", ttl=60)
    await store.delete("k")

    assert await store.replace("k", b"1", b"2", ttl=60) is False
    assert await store.get("k") is None


async def test_delete_returns_whether_a_record_was_deleted(store: Store) -> None:
    await store.set("k", b"1", ttl=60)

    assert await store.delete("k") is True
    assert await store.delete("k") is False
    assert await store.get("k") is None


async def test_delete_with_a_value_deletes_only_that_value(store: Store) -> None:
    await store.set("k", b"1", ttl=60)

    assert await store.delete("k", b"2") is False
    assert await store.get("k") == b"1"
    assert await store.delete("k", b"1") is True


async def test_delete_owned_deletes_only_the_records_of_the_owner(store: Store) -> None:
    for number in range(5):
        await store.set(f"ada-{number}", b"", ttl=60, owner="ada")
    await store.set("bob", b"", ttl=60, owner="bob")
    await store.set("no-owner", b"", ttl=60)

    assert await store.delete_owned("ada") == 5
    assert await store.delete_owned("ada") == 0
    assert await store.get("bob") == b""
    assert await store.get("no-owner") == b""


async def test_owned_is_sorted_by_expiry(store: Store) -> None:
    for key, ttl in (("b", 300), ("c", 400), ("a", 200), ("d", 500)):
        await store.set(key, b"", ttl=ttl, owner="ada")
    await store.set("bob", b"", ttl=100, owner="bob")
    await store.set("no-owner", b"", ttl=100)
    await store.delete("c")

    assert [key async for key in store.owned("ada")] == ["a", "b", "d"]
    assert [key async for key in store.owned("carl")] == []


async def test_owned_returns_hundreds_of_keys(store: Store) -> None:
    for number in range(450):
        await store.set(f"{number:04}", b"", ttl=60, owner="ada")

    assert sorted([key async for key in store.owned("ada")]) == [f"{number:04}" for number in range(450)]


async def test_replace_changes_the_expiry(store: Store) -> None:
    await store.set("first", b"1", ttl=100, owner="ada")
    await store.set("second", b"1", ttl=200, owner="ada")
    await store.replace("first", b"1", b"2", ttl=300, owner="ada")

    assert [key async for key in store.owned("ada")] == ["second", "first"]


async def test_an_expired_record_is_absent_for_every_method(store: Store) -> None:
    for key in ("read", "added", "replaced", "deleted", "owned"):
        await store.set(key, b"1", ttl=1, owner="ada")
    await store.set("live", b"1", ttl=60, owner="ada")
    await anyio.sleep(1.1)

    assert await store.get("read") is None
    assert await store.add("added", b"2", ttl=60) is True
    assert await store.get("added") == b"2"
    assert await store.replace("replaced", b"1", b"2", ttl=60) is False
    assert await store.delete("deleted") is False
    assert [key async for key in store.owned("ada")] == ["live"]
    assert await store.delete_owned("ada") == 1


async def test_a_closed_store_can_be_used_again(store: Store) -> None:
    await store.set("k", b"1", ttl=60)
    await store.aclose()

    assert await store.get("k") == b"1"
    await store.aclose()
    await store.aclose()
