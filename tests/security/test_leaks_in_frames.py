"""No frame below a log record, and of an error that is not ours, holds the query of the callback (L-04)."""

import inspect
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

import asgi_tiktok
from asgi_tiktok import MemoryStore, TikTokAuthMiddleware, tiktok_session
from asgi_tiktok.emulator import Emulator
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.faults import FailingStore
from tests.support.people import AMARA
from tests.support.tiktok import new_tiktok

pytestmark = pytest.mark.anyio

PACKAGE = str(Path(asgi_tiktok.__file__).parent)


class FrameReader(logging.Handler):
    """Collects the local variables in the package's frames below each log record, as an error tracker does."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        frame = inspect.currentframe()
        while frame is not None:
            if frame.f_code.co_filename.startswith(PACKAGE):
                self.seen.append(f"{record.getMessage()} {frame.f_code.co_name} {frame.f_locals}")
            frame = frame.f_back


@pytest.fixture
def frames(caplog: pytest.LogCaptureFixture) -> Iterator[FrameReader]:
    reader = FrameReader()
    logging.getLogger().addHandler(reader)
    caplog.set_level(logging.DEBUG)
    yield reader
    logging.getLogger().removeHandler(reader)


def hidden_values(callback_url: str) -> tuple[str, ...]:
    query = urlsplit(callback_url).query
    return (query, quote(parse_qs(query)["code"][0]), parse_qs(query)["code"][0], parse_qs(query)["state"][0])


CASES = ["succeeds", "hook fails", "store fails", "store has a bug", "replayed", "forged"]


@pytest.mark.parametrize("case", CASES, ids="L-04 {}".format)
async def test_no_frame_below_a_log_record_holds_the_query_of_the_callback(
    emulator: Emulator, frames: FrameReader, case: str
) -> None:
    store = FailingStore()
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store)
    browser = Browser(TikTokAuthMiddleware(app, tiktok), emulator)

    @tiktok.on_login
    async def hook(user: object, request: object) -> None:
        logging.getLogger("app").warning("hook called")
        if case == "hook fails":
            raise RuntimeError("a bug in the app")

    async def log(operation: str) -> None:
        logging.getLogger("driver").debug("store called: %s", operation)
        if case == "store has a bug" and operation == "set":
            raise RuntimeError("a bug in the store")
        await FailingStore.before(store, operation)

    store.before = log  # type: ignore[method-assign]
    callback_url = await browser.approve_login()
    store.failures = {"set": 9} if case == "store fails" else {}
    try:
        await browser.request(callback_url + ("A" if case == "forged" else ""))
    except RuntimeError as error:
        rendered = traceback.TracebackException.from_exception(error, capture_locals=True)
        frames.seen += [str(frame.locals) for frame in rendered.stack if frame.filename.startswith(PACKAGE)]
    if case == "replayed":
        browser.jar.cookies.clear()
        await browser.request(callback_url)

    assert frames.seen
    assert [line for line in frames.seen if any(value in line for value in hidden_values(callback_url))] == []


async def test_no_frame_below_a_log_record_holds_a_token(emulator: Emulator, frames: FrameReader) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator))
    browser = Browser(TikTokAuthMiddleware(app, tiktok), emulator)
    await browser.request(await browser.approve_login())
    token = await tiktok.token(AMARA.open_id)
    renewed = await tiktok._client.refresh_token(token.refresh_token or "")
    await tiktok._client.revoke_token(renewed.refresh_token or "")

    assert frames.seen
    assert [line for line in frames.seen if "act." in line or "rft." in line] == []


class StoreWithABug(MemoryStore):
    async def set(self, key: str, value: bytes, *, ttl: int, owner: str | None = None) -> None:
        if key.startswith("connected:"):
            raise RuntimeError("a bug in the store")
        await super().set(key, value, ttl=ttl, owner=owner)


async def link(request: Request) -> Response:
    return RedirectResponse(tiktok_session(request).connect_url("ada"))


async def test_no_frame_of_an_error_holds_the_token_of_a_connected_account(emulator: Emulator) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=StoreWithABug())
    browser = Browser(TikTokAuthMiddleware(Starlette(routes=[Route("/link", link)]), tiktok), emulator)
    login_url = (await browser.request("/link")).location
    callback_url = emulator.consent((await browser.request(login_url)).location)

    with pytest.raises(RuntimeError) as caught:
        await browser.request(callback_url)
    rendered = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = [str(frame.locals) for frame in rendered.stack if frame.filename.startswith(PACKAGE)]
    assert shown
    assert not any("act." in text or "rft." in text for text in shown)
