"""A deadline that does not count the time in which this process stood still."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from asgi_tiktok.client.deadline import with_deadline

pytestmark = pytest.mark.anyio

STOPPED = """
import asyncio, sys
from asgi_tiktok.client.deadline import with_deadline

async def main():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print("asked", flush=True)
    print(await with_deadline(reader.readline(), 1))

asyncio.run(main())
"""


async def answer(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "answer"


async def test_an_answer_with_deadline_is_the_answer() -> None:
    assert await with_deadline(answer(0.01), 1) == "answer"


async def test_an_answer_too_late_is_none_and_nobody_waits_for_it() -> None:
    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("ended")

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await with_deadline(slow(), 0.2)

    assert time.monotonic() - began < 5
    assert ended == ["ended"]


async def test_a_caller_who_leaves_ends_the_request() -> None:
    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("ended")

    caller = asyncio.create_task(with_deadline(slow(), 30))
    await asyncio.sleep(0.01)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller

    assert ended == ["ended"]


async def test_what_the_request_raises_is_raised() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await with_deadline(fail(), 1)


def test_a_process_that_was_stopped_finds_the_answer_that_came_meanwhile() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            assert process.stdout.readline() == "asked\n"
            process.send_signal(signal.SIGSTOP)
            process.stdin.write("answer\n")
            process.stdin.flush()
            time.sleep(2)
            process.send_signal(signal.SIGCONT)
            assert process.stdout.readline() == "b'answer\\n'\n"
        finally:
            process.kill()
