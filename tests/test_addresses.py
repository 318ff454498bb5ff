"""Several registered addresses of one app: the Host of a request selects one, and does nothing else."""

from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Host, Mount

from asgi_tiktok import ConfigurationError, MemoryStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, App, Emulator
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.people import AMARA, JUN
from tests.support.requests import RawHeaders, open_websocket, send_request
from tests.support.settings import CALLBACK, LOGIN, SESSION_COOKIE
from tests.support.tiktok import new_tiktok

pytestmark = pytest.mark.anyio

FIRST, SECOND, LOCAL = "https://first.test", "https://second.test", "http://localhost:8000"
OTHER_CALLBACK = "/tiktok/back"
ADDRESSES = [FIRST + CALLBACK, SECOND + OTHER_CALLBACK, LOCAL + CALLBACK]
COOKIES = {FIRST: SESSION_COOKIE, SECOND: f"{SESSION_COOKIE}.fc49b453", LOCAL: "tiktok_session.8000"}


@pytest.fixture
def emulator() -> Emulator:
    scopes = ("user.info.basic", "video.list")
    registered = App(DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, redirect_uris=tuple(ADDRESSES), scopes=scopes)
    return Emulator(apps=[registered])


@pytest.fixture
def tiktok(emulator: Emulator, store: MemoryStore) -> TikTok:
    return tiktok_with(emulator, store, ADDRESSES)


def tiktok_with(emulator: Emulator, store: MemoryStore, redirect_uri: str | list[str], **settings: Any) -> TikTok:
    return new_tiktok(httpx2.ASGITransport(emulator), store=store, redirect_uri=redirect_uri, **settings)


def at(tiktok: TikTok, emulator: Emulator, home: str, **options: Any) -> Browser:
    return Browser(TikTokAuthMiddleware(app, tiktok, **options), emulator, home=home)


@pytest.mark.parametrize("number", range(3))
async def test_login_at_each_address_stays_there(tiktok: TikTok, emulator: Emulator, number: int) -> None:
    home = [FIRST, SECOND, LOCAL][number]
    browser = at(tiktok, emulator, home)
    await browser.sign_in()

    assert await browser.display_name() == AMARA.display_name
    used = [each.request["redirect_uri"] for each in emulator.exchanges if "redirect_uri" in each.request]
    assert set(used) == {ADDRESSES[number]}
    (cookie,) = browser.jar
    assert (cookie.name, cookie.secure) == (COOKIES[home], home != LOCAL)
    assert (await browser.sign_out()).status == 303
    assert await browser.display_name() == ""


HOSTS: dict[str, tuple[list[tuple[str, str]], str]] = {
    "upper case": ([("host", "SECOND.Test")], SECOND),
    "root dot": ([("host", "second.test.")], SECOND),
    "default port": ([("host", "second.test:443")], SECOND),
    "port of a proxy": ([("host", "second.test:8080")], SECOND),
    "no port": ([("host", "second.test:")], SECOND),
    "unknown": ([("host", "evil.test")], FIRST),
    "absent": ([], FIRST),
    "empty": ([("host", "")], FIRST),
    "twice": ([("host", "second.test"), ("host", "second.test")], FIRST),
    "two": ([("host", "second.test"), ("host", "evil.test")], FIRST),
    "suffix": ([("host", "second.test.evil.test")], FIRST),
    "prefix": ([("host", "evil-second.test")], FIRST),
    "user name": ([("host", "evil@second.test")], FIRST),
    "path": ([("host", "second.test/")], FIRST),
    "list": ([("host", "second.test, evil.test")], FIRST),
    "white space": ([("host", "second.test ")], FIRST),
    "port that is none": ([("host", "second.test:x")], FIRST),
    "IPv6": ([("host", "[::1]:8000")], FIRST),
    "64 KB": ([("host", "second.test" * 6_000)], FIRST),
    "forwarded": ([("host", "first.test"), ("x-forwarded-host", "second.test")], FIRST),
    "forwarded too": ([("host", "first.test"), ("forwarded", "host=second.test")], FIRST),
    "other port of localhost": ([("host", "localhost:8001")], LOCAL),
}


@pytest.mark.parametrize(("headers", "origin"), HOSTS.values(), ids=HOSTS.keys())
async def test_host_only_selects(tiktok: TikTok, headers: RawHeaders, origin: str) -> None:
    site = TikTokAuthMiddleware(app, tiktok)
    response = await send_request(site, "GET", LOGIN, headers=[*headers, ("accept", "text/html")])

    address = next(uri for uri in ADDRESSES if uri.startswith(origin))
    sent = httpx2.URL(response.location).params
    assert sent["redirect_uri"] == address
    assert "evil" not in response.location
    ((name, line),) = response.set_cookie_lines.items()
    assert name.startswith(COOKIES[origin].replace("session", "login"))
    assert ("; Secure" in line) == (origin != LOCAL)


async def test_two_ports_of_one_name_are_two_addresses(emulator: Emulator, store: MemoryStore) -> None:
    other = "http://localhost:9000"
    tiktok = tiktok_with(emulator, store, [LOCAL + CALLBACK, other + CALLBACK])
    site = TikTokAuthMiddleware(app, tiktok)
    for host, origin in [("localhost:9000", other), ("localhost:8000", LOCAL), ("localhost:7000", LOCAL)]:
        response = await send_request(site, "GET", LOGIN, headers=[("host", host)])
        assert httpx2.URL(response.location).params["redirect_uri"] == origin + CALLBACK


@pytest.mark.parametrize("copied", [False, True], ids=["without cookie", "with copied cookie"])
async def test_login_of_one_address_is_refused_at_another(
    emulator: Emulator, store: MemoryStore, copied: bool
) -> None:
    """Both addresses have cookies of the same names, so that a copied cookie is found, and does not open."""
    tiktok = tiktok_with(emulator, store, [FIRST + CALLBACK, SECOND + CALLBACK])
    emulator = Emulator(apps=[App(DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, redirect_uris=(FIRST + CALLBACK,))])
    started = at(tiktok, emulator, FIRST)
    callback = (await started.approve_login()).replace(FIRST, SECOND)
    elsewhere = at(tiktok, emulator, SECOND)
    cookie = [("cookie", started.jar.cookie_header(started.home))] if copied else []
    response = await elsewhere.request(callback, headers=cookie)

    assert response.status == 400
    assert "This sign-in began at another address" in response.text
    assert not [exchange for exchange in emulator.exchanges if exchange.endpoint == "token"]
    assert SESSION_COOKIE not in elsewhere.jar


async def test_login_of_an_unknown_host_ends_at_the_first_address(tiktok: TikTok, emulator: Emulator) -> None:
    callback = await at(tiktok, emulator, "https://www.first.test").approve_login()
    assert callback.startswith(FIRST + CALLBACK)
    response = await at(tiktok, emulator, FIRST).request(callback)
    assert "This sign-in began at another address" in response.text


async def test_session_of_one_address_opens_no_other(emulator: Emulator, store: MemoryStore) -> None:
    """Not even if the cookie is copied, from session memory or the store: `on_login` may depend on the address."""
    tiktok = tiktok_with(emulator, store, [FIRST + CALLBACK, SECOND + CALLBACK, LOCAL + CALLBACK])
    browser = at(tiktok, emulator, FIRST)
    await browser.sign_in()
    cookie = ("cookie", browser.jar.cookie_header(browser.home))
    for site in (browser.app, TikTokAuthMiddleware(app, tiktok_with(emulator, store, tiktok_addresses(tiktok)))):
        for host, name in [
            ("first.test", AMARA.display_name),
            ("second.test", ""),
            ("first.test", AMARA.display_name),
        ]:
            response = await send_request(site, "GET", "/me", headers=[("host", host), cookie])
            assert response.json()["name"] == name


def tiktok_addresses(tiktok: TikTok) -> list[str]:
    return [each._client.redirect_uri for each in (tiktok, *tiktok._other_addresses)]


@pytest.mark.parametrize("position", [0, 1])
async def test_another_address_signs_nobody_out(emulator: Emulator, store: MemoryStore, position: int) -> None:
    browser = at(tiktok_with(emulator, store, FIRST + CALLBACK), emulator, FIRST)
    await browser.sign_in()
    addresses = [SECOND + CALLBACK]
    addresses.insert(position, FIRST + CALLBACK)
    tiktok = tiktok_with(emulator, store, addresses)
    browser.app = TikTokAuthMiddleware(app, tiktok)

    assert await browser.display_name() == AMARA.display_name
    (listed,) = await tiktok.sessions_of(AMARA.open_id)
    assert await tiktok.end_session(listed.id)
    assert await browser.display_name() == ""


async def test_sessions_of_all_addresses_are_those_of_the_user(tiktok: TikTok, emulator: Emulator) -> None:
    browsers = [at(tiktok, emulator, home) for home in (FIRST, SECOND, LOCAL)]
    for browser in browsers:
        await browser.sign_in()
    open_id = (await browsers[0].request("/me")).json()["id"]

    assert len(await tiktok.sessions_of(open_id)) == 3
    await tiktok._sessions.reduce_scopes(open_id, {"video.list"})
    assert [(await browser.request("/me")).json()["scopes"] for browser in browsers] == [["authenticated"]] * 3
    assert await tiktok.end_sessions(open_id) == 3
    assert [await browser.display_name() for browser in browsers] == ["", "", ""]


async def test_origins_are_those_of_the_selected_address(tiktok: TikTok, emulator: Emulator) -> None:
    """Sign-outs, the list of sessions and WebSockets accept pages of the address that was requested, and no other."""
    browser = at(tiktok, emulator, SECOND)
    await browser.sign_in()
    sessions = "/auth/tiktok/session?sessions=1"
    for page, allowed in [(FIRST, False), (LOCAL, False), (SECOND, True)]:
        origin = [("origin", page)]
        listing = await browser.request(sessions, headers=origin, fetch_metadata=False)
        cookie = ("cookie", browser.jar.cookie_header(browser.home))
        socket = await open_websocket(
            browser.app, "/socket", headers=[("host", "second.test"), *origin, cookie], scheme="wss"
        )
        signed_out = await browser.request("/auth/tiktok/logout", method="POST", page=page, fetch_metadata=False)
        assert (listing.status, socket.status, signed_out.status) == ((200, 101, 303) if allowed else (403, 403, 403))


async def test_options_apply_at_all_addresses(tiktok: TikTok, emulator: Emulator) -> None:
    protect = iter(["/studio"])  # which can be read once
    browser = at(tiktok, emulator, SECOND, protect=protect)
    response = await browser.request("/studio/7")
    assert (response.status, response.location) == (303, f"{LOGIN}?next=%2Fstudio%2F7")
    assert (await at(tiktok, emulator, FIRST).visit("/")).status == 200
    callback = await browser.approve_login()
    assert (await browser.request(callback.replace(OTHER_CALLBACK, CALLBACK))).json() == {
        "path": CALLBACK,
        "method": "GET",
    }


@pytest.mark.parametrize("kind", ["host", "path"])
async def test_sandbox_beside_production(store: MemoryStore, kind: str) -> None:
    """Two `TikTok(...)` share an app, a store and keys, and open neither the sessions nor the logins of the other."""
    path = "/auth/sandbox" if kind == "path" else "/auth/tiktok"
    uris = {
        "live": FIRST + CALLBACK,
        "sb": f"{FIRST}/preview{path}/callback" if kind == "path" else SECOND + CALLBACK,
    }
    emulator = Emulator(apps=[App(f"{key}key", f"{key}-secret", redirect_uris=(uri,)) for key, uri in uris.items()])
    production, sandbox = [
        tiktok_with(emulator, store, uri, client_key=f"{key}key", client_secret=f"{key}-secret", path=own)
        for (key, uri), own in zip(uris.items(), ["/auth/tiktok", path], strict=True)
    ]
    preview = TikTokAuthMiddleware(app, sandbox)
    route = Mount("/preview", preview) if kind == "path" else Host("second.test", preview)
    site = Starlette(routes=[route, Mount("/", TikTokAuthMiddleware(app, production))])
    prefix, home = ("/preview", FIRST) if kind == "path" else ("", SECOND)
    tester, visitor = Browser(site, emulator, home=home), Browser(site, emulator, home=FIRST)
    await tester.visit(f"{prefix}{path}/login?next={prefix}/me", person=JUN)
    await visitor.sign_in()

    assert (await tester.request(f"{prefix}/me")).json()["name"] == JUN.display_name
    assert await visitor.display_name() == AMARA.display_name
    headers = [("host", "first.test"), ("cookie", tester.jar.cookie_header(tester.home))]
    assert (await send_request(site, "GET", "/me", headers=headers)).json()["name"] == ""
    callback = await tester.request(f"{prefix}{path}/login", page=home)
    stolen = emulator.consent(callback.location).replace(uris["sb"], uris["live"])
    assert (await visitor.request(stolen)).status == 400


def test_environment_may_have_a_list() -> None:
    environ = {
        "TIKTOK_CLIENT_KEY": "awkey",
        "TIKTOK_CLIENT_SECRET": "a-secret",
        "TIKTOK_REDIRECT_URI": f" {ADDRESSES[0]},\n{ADDRESSES[1]} ,",
        "TIKTOK_SECRET_KEY": "k5-J0dwBSMs2nBNKp4Y5wEUNvTtNRlEJSJvY3uyLdIQ",
        "TIKTOK_STORE": "memory://",
    }
    assert tiktok_addresses(TikTok.from_env(environ)) == ADDRESSES[:2]
    with pytest.raises(ConfigurationError, match=r"^TIKTOK_REDIRECT_URI contains .* different path=\.$"):
        TikTok.from_env({**environ, "TIKTOK_REDIRECT_URI": f"{FIRST}/a,{FIRST}/b"})
