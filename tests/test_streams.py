"""A streamed response ends after its session, as a WebSocket does."""

from collections.abc import AsyncIterator, Iterator

import anyio
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from asgi_tiktok import TikTok, TikTokAuthMiddleware
from asgi_tiktok.testing import login_as
from tests.support.servers import serve_in_thread
from tests.support.tiktok import new_tiktok
from tests.support.waiting import TIMEOUT


async def ticks() -> AsyncIterator[bytes]:
    while True:
        yield b"data: tick\n\n"
        await anyio.sleep(0.01)


async def silence() -> AsyncIterator[bytes]:
    yield b"data: hello\n\n"
    await anyio.sleep_forever()


async def stream(request: Request) -> Response:
    content = ticks() if request.url.path == "/ticks" else silence()
    return StreamingResponse(content, media_type="text/event-stream")


async def slow(request: Request) -> Response:
    await anyio.sleep(0.2)
    return PlainTextResponse(f"for {request.user.display_name}")


@pytest.fixture
def tiktok(port: int) -> TikTok:
    return new_tiktok(redirect_uri=f"http://localhost:{port}/auth/tiktok/callback")


@pytest.fixture
def browser(tiktok: TikTok, port: int) -> Iterator[httpx2.Client]:
    site = TikTokAuthMiddleware(
        Starlette(routes=[Route("/ticks", stream), Route("/silence", stream), Route("/slow", slow)]), tiktok
    )
    site._live.recheck = 0
    with serve_in_thread(site, port), httpx2.Client(base_url=f"http://localhost:{port}", timeout=TIMEOUT) as client:
        yield client


@pytest.mark.parametrize("path", ["/ticks", "/silence"])
def test_stream_ends_after_the_sign_out(browser: httpx2.Client, tiktok: TikTok, path: str) -> None:
    login_as(browser, tiktok=tiktok, open_id="ada")
    with browser.stream("GET", path) as response:
        chunks = response.iter_bytes()
        assert next(chunks).startswith(b"data: ")
        assert anyio.run(tiktok.end_sessions, "ada") == 1
        assert all(chunk.startswith(b"data: ") for chunk in chunks)  # until the response ends


def test_stream_of_an_anonymous_visitor_goes_on(browser: httpx2.Client) -> None:
    with browser.stream("GET", "/ticks") as response:
        chunks = response.iter_bytes()
        assert [next(chunks)[:11] for _ in range(20)] == [b"data: tick\n"] * 20


def test_response_that_is_not_streamed_is_sent_whole(browser: httpx2.Client, tiktok: TikTok) -> None:
    login_as(browser, tiktok=tiktok, open_id="ada", display_name="Ada")

    assert browser.get("/slow").text == "for Ada"
