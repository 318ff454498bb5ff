import sys

import pytest

from asgi_tiktok import MemoryStore
from asgi_tiktok.stores.workers import count_workers

pytestmark = pytest.mark.anyio


async def test_memory_is_bounded() -> None:
    store = MemoryStore(max_records=3)
    for number in range(5):
        await store.set(str(number), b"", ttl=60)

    assert [await store.get(str(number)) for number in range(5)] == [None, None, b"", b"", b""]
    assert repr(store) == "MemoryStore(3 records)"


@pytest.mark.parametrize(
    ("argv", "environ", "workers"),
    [
        ([], {}, 1),
        (["main:app", "--workers", "4"], {}, 4),
        (["main:app", "--workers=4"], {}, 4),
        (["-w", "2", "main:app"], {}, 2),
        (["-w2", "main:app"], {}, 2),
        (["main:app", "--reload"], {"WEB_CONCURRENCY": "3"}, 3),
        (["main:app", "--workers", "1"], {"WEB_CONCURRENCY": "3"}, 1),
        (["main:app", "--workers-max", "x"], {"WEB_CONCURRENCY": "many"}, 1),
    ],
)
async def test_workers_are_counted_as_their_servers_do(
    argv: list[str], environ: dict[str, str], workers: int
) -> None:
    assert count_workers(argv, environ) == workers


async def test_memory_warns_loudly_when_it_is_one_of_many(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    MemoryStore()
    assert "workers" not in caplog.text
    monkeypatch.setattr(sys, "argv", ["uvicorn", "main:app", "--workers", "4"])
    MemoryStore()

    assert "MemoryStore with 4 workers" in caplog.text
