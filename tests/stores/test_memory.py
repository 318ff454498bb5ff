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
