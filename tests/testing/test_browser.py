"""login_as with a real browser."""

from collections.abc import Iterator

import pytest
from playwright.async_api import async_playwright
from playwright.sync_api import BrowserContext

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.testing import login_as, login_as_async, login_cookies
from tests.support.app import app as site
from tests.support.chromium import launch_options, open_chromium
from tests.support.servers import serve_in_thread
from tests.support.settings import SESSION_COOKIE
from tests.support.tiktok import new_tiktok


@pytest.fixture
def local(port: int, store: MemoryStore) -> Iterator[TikTok]:
    """The TikTok object of a site that is served on loopback."""
    tiktok = new_tiktok(redirect_uri=f"http://localhost:{port}/auth/tiktok/callback", store=store)
    with serve_in_thread(TikTokAuthMiddleware(site, tiktok), port):
        yield tiktok


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    with open_chromium() as browser:
        yield browser.new_context()


@pytest.mark.browser
def test_real_browser_is_signed_in(local: TikTok, context: BrowserContext) -> None:
    login_as(context, tiktok=local)
    page = context.new_page()
    page.goto(f"{local._site.origin}/me")
    assert '"name":"Ada"' in page.content()

    context.add_cookies(login_cookies(local, display_name="Bob"))  # type: ignore[arg-type]
    page.goto(f"{local._site.origin}/me")
    assert '"name":"Bob"' in page.content()


@pytest.mark.browser
def test_browser_accepts_the_cookie_of_an_https_site(tiktok: TikTok, context: BrowserContext) -> None:
    login_as(context, tiktok=tiktok)

    [cookie] = context.cookies()
    assert (cookie["name"], cookie["domain"], cookie["path"]) == (SESSION_COOKIE, "testserver", "/")
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")


@pytest.mark.anyio
@pytest.mark.browser
async def test_asynchronous_browser(local: TikTok) -> None:
    options = launch_options()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**options)
        context = await browser.new_context()
        with pytest.raises(ValueError, match="use: await login_as_async"):
            login_as(context, tiktok=local)

        await login_as_async(context, tiktok=local)
        page = await context.new_page()
        await page.goto(f"{local._site.origin}/me")
        assert '"name":"Ada"' in await page.content()
        await browser.close()


def test_login_cookies(tiktok: TikTok) -> None:
    [cookie] = login_cookies(tiktok)

    assert cookie["url"] == "https://testserver"
    assert cookie["name"] == SESSION_COOKIE
    assert cookie["secure"] is cookie["httpOnly"] is True
