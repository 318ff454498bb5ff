"""Front ends on other hosts: `TikTok(trusted_origins=...)`."""

from collections.abc import Iterable
from urllib.parse import quote

import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import TikTokAuthMiddleware
from asgi_tiktok.emulator import Emulator
from tests.support.app import app
from tests.support.login import display_name, new_browser, sign_in
from tests.support.settings import LOGOUT, ORIGIN
from tests.support.tiktok import new_tiktok
from tests.support.whatwg import node_parser

FRONT = "https://app.testserver"
LOCAL = "http://localhost:3000"


@pytest.fixture
def browser(emulator: Emulator) -> TestClient:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), trusted_origins=(FRONT, LOCAL, ORIGIN))
    return new_browser(TikTokAuthMiddleware(app, tiktok))


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://app.example.com:443", "https://app.example.com"),
        ("https://app.example.com:8443", "https://app.example.com:8443"),
        ("https://xn--caf-dma.example", "https://xn--caf-dma.example"),
        ("http://localhost:80", "http://localhost"),
        ("http://app.localhost:3000", "http://app.localhost:3000"),
        ("http://127.0.0.1:5173", "http://127.0.0.1:5173"),
        ("http://[::1]:5173", "http://[::1]:5173"),
    ],
)
def test_origin_is_accepted_as_browsers_write_it(written: str, origin: str) -> None:
    assert new_tiktok(trusted_origins=[written])._site.trusted_origins == {origin}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": FRONT, "sec-fetch-site": "same-site"},
        {"origin": LOCAL, "sec-fetch-site": "cross-site"},
        {"origin": FRONT},
        {"origin": ORIGIN, "sec-fetch-site": "same-origin"},
    ],
)
def test_page_of_a_trusted_origin_signs_out(browser: TestClient, emulator: Emulator, headers: dict[str, str]) -> None:
    sign_in(browser, emulator)
    response = browser.post(f"{LOGOUT}?next={FRONT}/bye", headers=headers)

    assert (response.status_code, response.headers["location"]) == (303, f"{FRONT}/bye")
    assert display_name(browser) == ""


@pytest.mark.parametrize(
    "headers",
    [
        [("origin", f"{FRONT}.evil.test"), ("sec-fetch-site", "same-site")],
        [("origin", FRONT), ("origin", FRONT), ("sec-fetch-site", "same-site")],
        [("origin", FRONT), ("sec-fetch-site", "same-origin")],
        [("origin", FRONT), ("sec-fetch-site", "none")],
        [("origin", "null"), ("sec-fetch-site", "same-site")],
        [("origin", FRONT.replace("https", "http")), ("sec-fetch-site", "cross-site")],
        [("origin", ORIGIN), ("sec-fetch-site", "none,same-site")],
        [("sec-fetch-site", "same-site")],
    ],
)
def test_other_page_does_not_sign_out(
    browser: TestClient, emulator: Emulator, headers: Iterable[tuple[str, str]]
) -> None:
    sign_in(browser, emulator)

    assert browser.post(LOGOUT, headers=list(headers)).status_code == 403
    assert display_name(browser)


ADDRESSES = {
    FRONT: f"{FRONT}/",
    f"{FRONT}/": f"{FRONT}/",
    f"{FRONT}/studio?tab=a%20b#top": f"{FRONT}/studio?tab=a%20b#top",
    f"{FRONT}/caf\xe9": f"{FRONT}/caf%C3%A9",
    f"{FRONT}/auth/tiktok/login": f"{FRONT}/auth/tiktok/login",
    f"{LOCAL}/me": f"{LOCAL}/me",
    f"{ORIGIN}/me": f"{ORIGIN}/me",
    "/me": "/me",
}


@pytest.mark.parametrize(("value", "location"), ADDRESSES.items())
def test_login_leads_to_a_page_of_a_trusted_origin(
    browser: TestClient, emulator: Emulator, value: str, location: str
) -> None:
    assert sign_in(browser, emulator, f"next={quote(value)}").headers["location"] == location


@pytest.mark.parametrize(
    "value",
    [
        *("https://evil.test/", f"{FRONT}.evil.test/", f"{FRONT}@evil.test/", f"{FRONT}:443/", f"{FRONT}:8443/"),
        *(f"{FRONT}\\@evil.test", f"{FRONT}//evil.test", f"{FRONT}/\\evil.test", f"{FRONT}/%2fevil.test"),
        *(f"{FRONT}/..//evil.test", f"{FRONT}?x", f"{FRONT}#x", f" {FRONT}/", f"{FRONT}\t/x", FRONT[6:] + "/x"),
        *(FRONT.upper(), "http" + FRONT[5:] + "/x", "https://testserver/auth/tiktok/logout", f"{FRONT}/{'x' * 1024}"),
    ],
)
def test_login_leads_to_no_other_address(browser: TestClient, emulator: Emulator, value: str) -> None:
    assert sign_in(browser, emulator, f"next={quote(value)}").headers["location"] == "/"


def test_browsers_resolve_accepted_addresses_to_the_trusted_origin() -> None:
    site = new_tiktok(trusted_origins=(FRONT,))._site
    tails = ("", "/", "/a//b", "/@evil.test", "/:80", "/?//evil.test", "/#@evil.test", "/\u200c%20x", "/caf\xe9")
    accepted = [address for tail in tails if (address := site.accepted_next(FRONT + tail, ""))]
    targets = node_parser().resolve([(address, ORIGIN) for address in accepted])

    assert len(accepted) == len(tails)
    assert {target and target.origin for target in targets} == {FRONT}


def test_default_next_may_be_an_address_of_a_trusted_origin(emulator: Emulator) -> None:
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), trusted_origins=(FRONT,), default_next=f"{FRONT}/")
    browser = new_browser(TikTokAuthMiddleware(app, tiktok))

    assert sign_in(browser, emulator, "next=//evil.test").headers["location"] == f"{FRONT}/"
