"""Each page that the package serves follows WCAG 2.2 AA, as far as axe can see, in Chromium."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from starlette.types import Receive, Scope, Send

from asgi_tiktok import MemoryStore, StoreError, TikTokAuthMiddleware
from asgi_tiktok.commands.app_loader import broken_app
from asgi_tiktok.demo import run_demo
from tests.support.app import app
from tests.support.chromium import LOOPBACK_ONLY, open_chromium
from tests.support.npm import install_packages
from tests.support.ports import free_port
from tests.support.servers import serve_in_thread
from tests.support.tiktok import new_tiktok
from tests.support.wrapped_store import WrappedStore

pytestmark = [pytest.mark.browser, pytest.mark.soak]

HERE = Path(__file__).parent
LOGIN, LOGOUT, CALLBACK, QR = (f"/auth/tiktok/{name}" for name in ("login", "logout", "callback", "qr"))
NEEDS_SCOPE = "/needs-scope"
NEW_LOGIN = f"{LOGIN}?switch_account=1&next={NEEDS_SCOPE}"
SCAN = "Scan it with the emulated phone"
PAGES = {
    "demo": "{demo}/",
    "demo, 404": "{demo}/nothing",
    "demo, signed in": "{demo}/profile",
    "demo, studio": "{demo}/studio",
    "demo, signed out": "{demo}/signed-out",
    "consent": "{demo}/auth/tiktok/login?scopes=video.list&switch_account=1",
    "TikTok's error": "{emulator}/v2/auth/authorize/?client_key=unknown",
    "phone": "{emulator}/_emulator/phone",
    "requests": "{emulator}/_emulator/",
    "grants": "{emulator}/_emulator/grants",
    "posts": "{emulator}/_emulator/posts",
    "webhooks": "{emulator}/_emulator/webhooks",
    "controls": "{emulator}/_emulator/controls",
    "setup": "{emulator}/_emulator/setup",
    "error": "{site}" + CALLBACK,
    "sign out": "{demo}" + LOGOUT,
    "QR code": "{site}" + QR,
    "error, from right to left": "{site}" + CALLBACK,
    "QR code, from right to left": "{site}" + QR,
    "sign out, from right to left": "{site}" + LOGOUT,
    "app that cannot be imported": "{broken}/",
}
# Where to begin, and the links and buttons that lead to the page.
WAYS = {
    "login that was cancelled": ("{site}" + NEW_LOGIN, ["Cancel"]),
    "login that was cancelled, from right to left": ("{site}" + NEW_LOGIN, ["Cancel"]),
    "missing scope": ("{site}" + NEW_LOGIN, ["Continue"]),
    "missing scope, from right to left": ("{site}" + NEW_LOGIN, ["Continue"]),
    "store that is unavailable": ("{away}" + NEW_LOGIN, ["Continue"]),
    "store that is unavailable, from right to left": ("{away}" + NEW_LOGIN, ["Continue"]),
    "person whom TikTok refuses": ("{site}" + NEW_LOGIN, ["Noor Vale", "Continue"]),
    "phone, before the scan": ("{site}" + QR, [SCAN]),
    "phone, after the scan": ("{site}" + QR, [SCAN, "Scan"]),
    "phone, at the end": ("{site}" + QR, [SCAN, "Scan", "Continue"]),
    "phone, cancelled": ("{site}" + QR, [SCAN, "Scan", "Cancel"]),
}
WAYS |= {name: (address, []) for name, address in PAGES.items()}
PEOPLE = {"user": "en", "visitor": "en", "arab": "ar"}
ANONYMOUS = ("demo", "demo, signed out")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = """rules => axe.run({runOnly: rules, resultTypes: ["violations"]}).then(
    ({violations}) => violations.flatMap(
        ({id, nodes}) => nodes.map(node => `${id}: ${node.html.slice(0, 150)} ${node.failureSummary}`)))"""
# The focused element, unless something else covers it.
FOCUSED = """() => {
    const focused = document.activeElement;
    if (focused === document.body) return "";
    const {left, top, width, height} = (focused.labels?.[0] ?? focused).getBoundingClientRect();
    const above = document.elementFromPoint(left + width / 2, top + height / 2);
    const seen = above?.contains(focused) || focused.contains(above) || above?.closest("label")?.control === focused;
    return (seen ? "" : "covered: ") + focused.outerHTML.slice(0, 150);
}"""
WIDTH = 320
MAX_TABS = 6


class AwayStore(WrappedStore):
    async def before(self, operation: str) -> None:
        raise StoreError("The store is away.")


async def app_with_scope(scope: Scope, receive: Receive, send: Send) -> None:
    """The app of the tests, and a page that needs a scope which no login here grants."""
    if scope["type"] == "http" and scope["path"] == NEEDS_SCOPE:
        scope["tiktok"].require("video.list")
    await app(scope, receive, send)


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("npm")
    install_packages(HERE, folder)
    return (folder / "node_modules/axe-core/axe.min.js").read_text()


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The demo, its emulator, and three sites: with login by QR code, without a store, and without an app."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("demo") / "demo"
        demo = stack.enter_context(run_demo(port=0, emulator_port=0, folder=folder))
        origins = {"demo": demo.url, "emulator": demo.emulator.url}
        for name, store in {"site": MemoryStore(), "away": AwayStore(MemoryStore())}.items():
            port = free_port()
            origins[name] = f"http://localhost:{port}"
            uri = f"{origins[name]}{CALLBACK}"
            tiktok = new_tiktok(redirect_uri=uri, base_url=demo.emulator.url, qr=True, store=store)
            stack.enter_context(serve_in_thread(TikTokAuthMiddleware(app_with_scope, tiktok), port))
        port = free_port()
        broken = broken_app("main:app cannot be imported", f"Traceback:\n  {'main ' * 99}\nValueError: no way")
        stack.enter_context(serve_in_thread(broken, port))
        yield {**origins, "broken": f"http://localhost:{port}"}


@pytest.fixture(scope="module")
def pages(origins: Mapping[str, str]) -> Iterator[Mapping[str, Page]]:
    """Pages of a user who is signed in, of an anonymous visitor, and of an Arabic visitor."""
    with open_chromium(LOOPBACK_ONLY) as chromium:
        pages = {name: new_page(chromium, locale=locale) for name, locale in PEOPLE.items()}
        user = pages["user"]
        user.goto(f"{origins['demo']}{LOGIN}?next=/profile")
        user.get_by_role("button", name="Continue").click()
        user.wait_for_url("**/profile")
        # A request that is refused.
        user.goto(f"{origins['emulator']}/v2/auth/authorize/?client_key=unknown")
        yield pages


def new_page(chromium: Browser, **settings: Any) -> Page:
    return chromium.new_context(viewport={"width": WIDTH, "height": 640}, **settings).new_page()


def follow(page: Page, name: str) -> None:
    """Press the button, choose the person, or open the link in this tab."""
    link, person = page.get_by_role("link", name=name, exact=True), page.get_by_role("radio", name=name)
    if link.count():
        page.goto(str(link.get_attribute("href")))
    elif person.count():
        person.check(force=True)
    else:
        page.get_by_role("button", name=name, exact=True).click()
        page.wait_for_load_state()


@pytest.mark.parametrize("name", WAYS)
def test_page_is_accessible(name: str, pages: Mapping[str, Page], origins: Mapping[str, str], axe: str) -> None:
    visitor = "arab" if "right to left" in name else "visitor" if name in ANONYMOUS else "user"
    page = pages[visitor]
    address, steps = WAYS[name]
    page.goto(address.format(**origins))
    for step in steps:
        follow(page, step)
    # The protocol for developers runs scripts that the page's own policy would forbid.
    page.evaluate(axe)
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")

    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    assert page.evaluate(AXE, WCAG) == []
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(AXE, ["color-contrast"]) == []
    assert page.evaluate("document.documentElement.scrollWidth") == WIDTH
    assert page.evaluate("document.dir || 'ltr'") == ("rtl" if visitor == "arab" else "ltr")
    reached = []
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
    assert any(reached)
    assert [element for element in reached if element.startswith("covered")] == []
