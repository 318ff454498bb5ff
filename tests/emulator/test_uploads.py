from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from asgi_tiktok.emulator import CAST, ConnectionReset, Emulator

from .poster import VIDEO, Poster, refusal, video_body
from .wire import Clock

pytestmark = pytest.mark.anyio

MB = 1_000_000
THREE_CHUNKS = {"source": "FILE_UPLOAD", "video_size": 16 * MB + 7, "chunk_size": 5 * MB, "total_chunk_count": 3}
ZEROS = bytes(16 * MB + 7)
FIRST, SECOND, LAST = (0, 5 * MB), (5 * MB, 10 * MB), (10 * MB, 16 * MB + 7)


def size_plan(video_size: Any, chunk_size: Any, total_chunk_count: Any) -> dict[str, Any]:
    return {
        "source": "FILE_UPLOAD",
        "video_size": video_size,
        "chunk_size": chunk_size,
        "total_chunk_count": total_chunk_count,
    }


@pytest.fixture
async def poster(browser: httpx2.AsyncClient, emulator: Emulator) -> Poster:
    return await Poster.of(browser, emulator)


async def send(
    poster: Poster, begun: dict[str, str], part: tuple[int, int], total: int = len(ZEROS)
) -> httpx2.Response:
    content_range = f"bytes {part[0]}-{part[1] - 1}/{total}"
    return await poster.upload(begun, ZEROS[part[0] : part[1]], content_range=content_range)


@pytest.mark.parametrize(
    "plan",
    [
        size_plan(1, 1, 1),
        size_plan(3_145_728, 3_145_728, 1),
        size_plan(5 * MB, 5 * MB, 1),
        size_plan(7 * MB, 5 * MB, 1),
        size_plan(50_000_123, 10 * MB, 5),
        size_plan(64 * 2**20, 64 * 2**20, 1),
        size_plan(150 * MB, 64 * MB, 2),
        size_plan(4 * 2**30, 64 * MB, 67),
        size_plan(4 * 2**30, 5 * MB, 858),
    ],
    ids=str,
)
async def test_plan_within_the_rules_is_accepted(poster: Poster, plan: dict[str, Any]) -> None:
    begun = await poster.begin(body=video_body(plan))

    assert begun["upload_url"].startswith("http://testserver/video/?upload_id=")
    assert len(begun["upload_url"]) <= 256


@pytest.mark.parametrize(
    ("plan", "fix"),
    [
        (size_plan(0, 0, 0), "Send video_size from 1"),
        (size_plan(4 * 2**30 + 1, 64 * MB, 67), "(4 GiB)"),
        (size_plan(10 * MB, 4 * MB, 2), "Send chunk_size from 5000000"),
        (size_plan(4 * MB, 2 * MB, 2), "Send chunk_size from 5000000"),
        (size_plan(200 * MB, 65 * 2**20, 2), "to 67108864"),
        (size_plan(10 * MB, 0, 1), "Send chunk_size from"),
        (size_plan(10 * MB, -5 * MB, 1), "Send chunk_size from"),
        (size_plan(3 * MB, 5 * MB, 1), "needs chunk_size equal to video_size"),
        (size_plan(65 * 2**20, 65 * 2**20, 1), "at least two chunks"),
        (size_plan(100 * MB, 64 * MB, 1), "at least two chunks"),
        (size_plan(50_000_123, 10 * MB, 6), "rounded down, here 5"),
        (size_plan(12 * MB, 5 * MB, 3), "rounded down, here 2"),
        (size_plan(12 * MB, 5 * MB, 0), "rounded down, here 2"),
    ],
    ids=str,
)
async def test_plan_against_the_rules_is_refused(
    poster: Poster, emulator: Emulator, plan: dict[str, Any], fix: str
) -> None:
    assert refusal(await poster.ask(VIDEO, video_body(plan))) == (400, "invalid_param")
    assert fix in (emulator.exchanges[-1].fix or "")


async def test_chunks_are_received_one_after_the_other(poster: Poster, emulator: Emulator) -> None:
    begun = await poster.begin(body=video_body(THREE_CHUNKS))
    answers = [await send(poster, begun, part) for part in (FIRST, SECOND, LAST)]

    assert [answer.status_code for answer in answers] == [206, 206, 201]
    assert [answer.content for answer in answers] == [b"", b"", b""]
    total = 16 * MB + 7
    ends = (5 * MB, 10 * MB, total)
    assert [answer.headers["content-range"] for answer in answers] == [f"bytes 0-{end - 1}/{total}" for end in ends]
    assert (await poster.status(begun))["uploaded_bytes"] == total
    assert [exchange.endpoint for exchange in emulator.exchanges][-4:-1] == ["upload"] * 3
    assert "upload_token" in emulator.exchanges[-2].request


@pytest.mark.parametrize(
    ("received", "part", "status"),
    [
        ([], SECOND, 416),  # order
        ([], LAST, 416),
        ([FIRST], LAST, 416),
        ([FIRST], FIRST, 416),  # repeated
        ([FIRST], (4 * MB, 9 * MB), 416),  # overlap
        ([FIRST], (5 * MB + 1, 10 * MB), 416),  # gap
        ([], (0, 4 * MB), 400),  # size
        ([], (0, 6 * MB), 400),
        ([], (0, 16 * MB + 7), 400),
        ([FIRST, SECOND], (10 * MB, 15 * MB), 400),
        ([FIRST, SECOND, LAST], LAST, 416),  # after the end
        ([FIRST, SECOND, LAST], FIRST, 416),
    ],
    ids=str,
)
async def test_chunk_of_wrong_order_or_size_changes_nothing(
    poster: Poster, received: list[tuple[int, int]], part: tuple[int, int], status: int
) -> None:
    begun = await poster.begin(body=video_body(THREE_CHUNKS))
    for each in received:
        await send(poster, begun, each)
    answer = await send(poster, begun, part)

    assert answer.status_code == status
    end = received[-1][1] if received else 0
    assert answer.headers["content-range"] == f"bytes {f'0-{end - 1}' if end else '*'}/{16 * MB + 7}"
    assert (await poster.status(begun))["uploaded_bytes"] == end


@pytest.mark.parametrize(
    "headers",
    [
        {"content_range": ""},
        {"content_range": "bytes 0-4"},
        {"content_range": "bytes 0-4/*"},
        {"content_range": "bytes=0-4/5"},
        {"content_range": "bytes 4-0/5"},
        {"content_range": "bytes 0-5/5"},
        {"content_range": "bytes 0-4/6"},
        {"content_range": f"bytes 0-4/{'9' * 400}"},
        {"content_type": "application/octet-stream"},
        {"content_type": ""},
    ],
    ids=str,
)
async def test_malformed_headers_are_refused(poster: Poster, headers: Any) -> None:
    begun = await poster.begin()

    assert (await poster.upload(begun, **headers)).status_code in (400, 416)
    assert (await poster.upload(begun)).status_code == 201


async def test_body_of_another_size_than_its_range_is_refused(poster: Poster) -> None:
    begun = await poster.begin()

    async def parts() -> AsyncIterator[bytes]:
        yield b"video"

    for content in (b"vide", b"videos"):
        assert (await poster.upload(begun, content, content_range="bytes 0-4/5")).status_code == 400
    headers = {"content-type": "video/mp4", "content-range": "bytes 0-4/5"}
    chunked = await poster.browser.put(begun["upload_url"], content=parts(), headers=headers)
    assert chunked.status_code == 400
    assert (await poster.status(begun))["uploaded_bytes"] == 0


async def test_upload_url_is_valid_for_an_hour(poster: Poster, clock: Clock) -> None:
    begun = await poster.begin()
    clock.forward(3600)

    assert (await poster.upload(begun)).status_code == 403


@pytest.mark.parametrize("change", [("upload_token=", "upload_token=x"), ("upload_id=", "upload_id=1"), ("&", "&x")])
async def test_upload_needs_the_whole_url(poster: Poster, change: tuple[str, str]) -> None:
    begun = await poster.begin()

    assert (await poster.upload({"upload_url": begun["upload_url"].replace(*change)})).status_code == 404
    assert (await poster.upload({"upload_url": "/video/"})).status_code == 404
    assert (await poster.upload(begun)).status_code == 201


async def test_upload_needs_no_access_token(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    begun = await (await Poster.of(browser, emulator)).begin()
    emulator.clock.move(3000)

    assert (await Poster(browser, "act.invented").upload(begun)).status_code == 201


async def test_faults_apply_to_uploads(poster: Poster, emulator: Emulator) -> None:
    begun = await poster.begin()
    emulator.faults.add("upload", "5xx")
    emulator.faults.add("upload", "reset")
    assert (await poster.upload(begun)).status_code == 503
    assert emulator.exchanges[-1].request.keys() == {"upload_id", "upload_token"}
    with pytest.raises(ConnectionReset):
        await poster.upload(begun)
    assert (await poster.upload(begun)).status_code == 201
    with pytest.raises(ValueError, match="returns no JSON"):
        emulator.faults.add("upload", "wrong-types")


async def test_uploads_of_two_people_are_separate(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    one, other = [await Poster.of(browser, emulator, person) for person in CAST[:2]]
    first, second = await one.begin(), await other.begin()
    await one.upload(first)

    assert (await one.status(first))["uploaded_bytes"] == 5
    assert (await other.status(second))["uploaded_bytes"] == 0
