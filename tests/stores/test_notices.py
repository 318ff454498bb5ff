"""The contract of the NotifyingStore protocol, tested with every store that has notices."""

import pytest

from asgi_tiktok import Store
from asgi_tiktok.stores import NotifyingStore
from tests.support.listener import listening

NOTIFYING = ["memory", "redis", "redis-cluster", "postgresql"]

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("store", NOTIFYING, indirect=True)]


@pytest.fixture
def notifying(store: Store) -> NotifyingStore:
    assert isinstance(store, NotifyingStore)
    return store


async def test_deleted_and_replaced_records_are_noticed(notifying: NotifyingStore) -> None:
    async with listening(notifying) as listener:
        await notifying.set("a", b"1", ttl=60, owner="ada")
        assert await notifying.add("b", b"1", ttl=60, owner="ada")
        assert await listener.notices() == []

        await notifying.set("a", b"2", ttl=60, owner="ada")
        assert await listener.notices() == ["a"]
        assert await notifying.replace("a", b"2", b"3", ttl=60, owner="ada")
        assert await listener.notices() == ["a", "a"]
        assert await notifying.delete("a")
        assert await notifying.delete("b", b"1")
        assert await listener.notices() == ["a", "a", "a", "b"]


async def test_each_record_of_an_owner_is_noticed(notifying: NotifyingStore) -> None:
    names = [f"session:{number:064x}" for number in range(20)]
    async with listening(notifying) as listener:
        for name in names:
            await notifying.set(name, b"1", ttl=60, owner="ada")
        await notifying.set("another", b"1", ttl=60, owner="bob")
        assert await notifying.delete_owned("ada") == 20

        assert sorted(await listener.notices()) == names


async def test_a_touch_is_not_noticed(notifying: NotifyingStore) -> None:
    async with listening(notifying) as listener:
        await notifying.set("k", b"1", ttl=60, owner="ada")
        assert await notifying.touch("k", b"1", b"2", ttl=60, owner="ada") is True
        assert await notifying.touch("k", b"1", b"3", ttl=60, owner="ada") is False

        assert await listener.notices() == []
        assert await notifying.get("k") == b"2"
        assert await notifying.delete_owned("ada") == 1


async def test_what_changes_nothing_is_not_noticed(notifying: NotifyingStore) -> None:
    await notifying.set("k", b"1", ttl=60, owner="ada")
    async with listening(notifying) as listener:
        assert not await notifying.add("k", b"2", ttl=60, owner="ada")
        assert not await notifying.replace("k", b"0", b"2", ttl=60, owner="ada")
        assert not await notifying.delete("k", b"0")
        assert not await notifying.delete("missing")
        assert not await notifying.delete_owned("bob")

        assert await listener.notices() == []


async def test_a_record_without_an_owner_is_not_noticed(notifying: NotifyingStore) -> None:
    async with listening(notifying) as listener:
        await notifying.set("k", b"1", ttl=60)
        await notifying.set("k", b"2", ttl=60)
        assert await notifying.replace("k", b"2", b"3", ttl=60, owner="ada")
        assert await listener.notices() == []

        await notifying.set("k", b"4", ttl=60)
        assert await listener.notices() == ["k"]
        assert await notifying.delete("k")
        assert await listener.notices() == ["k"]


async def test_all_listeners_hear_it_and_none_after_its_channel_is_closed(notifying: NotifyingStore) -> None:
    await notifying.set("a", b"1", ttl=60, owner="ada")
    await notifying.set("b", b"1", ttl=60, owner="ada")
    async with listening(notifying) as first:
        async with listening(notifying) as second:
            await notifying.delete("a")
            assert await second.notices() == ["a"]
        await notifying.delete("b")

        assert await first.notices() == ["a", "b"]
        assert second.keys == ["a"]


async def test_a_subscription_begins_with_a_reset_and_then_a_proof(notifying: NotifyingStore) -> None:
    async with listening(notifying) as listener:
        assert listener.resets == 1
        assert listener.proved > 0
