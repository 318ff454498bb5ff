"""A deadline that does not count the time in which the process is suspended."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from asgi_tiktok.client.deadline import with_deadline

pytestmark = pytest.mark.anyio

SUSPENDED = """
import asyncio, sys
from asgi_tiktok.client.deadline import with_deadline

async def main():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print("waiting", flush=True)
    print(await with_deadline(reader.readline(), 1))

asyncio.run(main())
"""


async def response(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "response"


async def test_response_in_time_is_returned() -> None:
    assert await with_deadline(response(0.01), 1) == "response"


async def test_late_request_is_cancelled() -> None:
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


async def test_cancelled_caller_cancels_the_request() -> None:
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


async def test_error_of_the_request_is_raised() -> None:
    async def fail() -> None:
        raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        await with_deadline(fail(), 1)


def test_response_that_arrives_while_the_process_is_suspended_is_returned() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    with subprocess.Popen(
        [sys.executable, "-c", SUSPENDED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            assert process.stdout.readline() == "waiting\n"
            process.send_signal(signal.SIGSTOP)
            process.stdin.write("response\n")
            process.stdin.flush()
            time.sleep(2)
            process.send_signal(signal.SIGCONT)
            assert process.stdout.readline() == "b'response\\n'\n"
        finally:
            process.kill()
