"""A refused path that routers read differently gets an answer and a log line, but no redirect (H-10)."""

import logging

import pytest

from asgi_tiktok import TikTok, TikTokAuthMiddleware
from tests.support.app import app
from tests.support.requests import open_websocket, send_request
from tests.support.settings import FETCH, LOGIN, NAVIGATION, ORIGIN

pytestmark = pytest.mark.anyio

UNCLEAR = {
    "H-10 two slashes": ("//studio", ""),
    "H-10 dots": ("/x/../studio", ""),
    "H-10 dot": ("/studio/.", ""),
    "H-10 backslash": ("/studio\\x", ""),
    "H-10 parameter": ("/studio;x", ""),
    "H-10 encoded twice": ("/%73tudio", ""),
    "H-10 control character": ("/studio\n", ""),
    "H-10 no slash": ("studio", ""),
    "H-10 whole address": ("http://evil.test/studio", ""),
    "H-10 root_path without a slash": ("/appstudio", "/app"),
}
LINE = "An anonymous visitor requested a path that routers read differently."


def written(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what is logged where the logger is not at DEBUG."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]


@pytest.mark.parametrize(("path", "root_path"), UNCLEAR.values(), ids=UNCLEAR.keys())
async def test_unclear_path_is_refused_without_a_redirect(
    tiktok: TikTok, caplog: pytest.LogCaptureFixture, path: str, root_path: str
) -> None:
    site = TikTokAuthMiddleware(app, tiktok, protect=("/studio",))
    page = await send_request(site, "GET", path, headers=NAVIGATION.items(), root_path=root_path)
    script = await send_request(site, "GET", path, headers=FETCH.items(), root_path=root_path)
    socket = await open_websocket(site, path, headers=[("origin", ORIGIN)], root_path=root_path)
    closed = await open_websocket(site, path, headers=[("origin", ORIGIN)], extensions=(), root_path=root_path)

    assert [page.status, script.status, socket.status, closed.status] == [401, 401, 401, 403]
    assert page.headers["content-type"].startswith("text/html")
    assert script.json()["error"] == "unclear_path"
    for response in (page, script, socket):
        assert "location" not in response.headers
        assert "next=" not in response.text
    assert len(written(caplog)) == 4
    assert all(LINE in line for line in written(caplog))


@pytest.mark.legitimate
async def test_h10_clear_path_is_redirected_to_the_login(tiktok: TikTok, caplog: pytest.LogCaptureFixture) -> None:
    site = TikTokAuthMiddleware(app, tiktok, protect=("/studio",))
    page = await send_request(site, "GET", "/studio/.well-known/x", headers=NAVIGATION.items())

    assert (page.status, page.location) == (303, f"{LOGIN}?next=%2Fstudio%2F.well-known%2Fx")
    assert not written(caplog)


async def test_h10_flood_of_unclear_paths_is_counted_instead_of_logged(
    tiktok: TikTok, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "asgi_tiktok")
    site = TikTokAuthMiddleware(app, tiktok, protect=("/studio",))
    for number in range(100):
        await send_request(site, "GET", f"//studio/{number}", headers=NAVIGATION.items())

    assert len(written(caplog)) == 31
    assert "counted" in written(caplog)[-1]
