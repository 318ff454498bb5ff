"""A credential is valid only at the `TikTok(...)` that issued it.

Two of them share client_secret, secret_key and store. One of them, the admin's, turns visitors away in `on_login`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from starlette.types import ASGIApp

from asgi_tiktok import LoginDenied, MemoryStore, TikTok, TikTokAuthMiddleware, TikTokUser
from asgi_tiktok.emulator import DEFAULT_APP, DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, App, Emulator
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.people import AMARA
from tests.support.requests import send_request, user_of
from tests.support.settings import LOGIN_COOKIE, ORIGIN, REDIRECT_URI
from tests.support.tiktok import count_requests, new_tiktok

pytestmark = pytest.mark.anyio

OTHER_KEY = "sbawother"
ADMIN: dict[str, dict[str, Any]] = {
    "A-01 both paths": {"path": "/admin/auth", "redirect_uri": f"{ORIGIN}/admin/auth/callback"},
    "A-02 path": {"path": "/admin/auth", "redirect_uri": REDIRECT_URI},
    "A-03 callback path": {"redirect_uri": f"{ORIGIN}/admin/callback"},
    "A-04 host": {"redirect_uri": "https://admin.testserver/auth/tiktok/callback"},
    "A-05 port": {"redirect_uri": "https://testserver:8443/auth/tiktok/callback"},
    "A-06 client_key": {"client_key": OTHER_KEY, "redirect_uri": REDIRECT_URI},
}


@dataclass
class Apps:
    """The site of the public and that of the admin, with one store, and the visitor's browser at each."""

    public: TikTok
    admin: TikTok
    visitor: Browser
    visitor_at_admin: Browser

    @property
    def renamed_session(self) -> str:
        """A Cookie header with the visitor's public session, under the name of the admin's session cookie."""
        return f"{self.admin._cookies.session}={self.visitor.session_cookie}"


@pytest.fixture(params=list(ADMIN.values()), ids=list(ADMIN))
def apps(request: pytest.FixtureRequest) -> Apps:
    settings: dict[str, Any] = request.param
    redirect_uri: str = settings["redirect_uri"]
    uris = tuple({REDIRECT_URI, redirect_uri})
    emulator = Emulator(
        [App(key, DEFAULT_CLIENT_SECRET, redirect_uris=uris) for key in (DEFAULT_CLIENT_KEY, OTHER_KEY)]
    )
    transport, store = httpx2.ASGITransport(emulator), MemoryStore()
    public, admin = new_tiktok(transport, store=store), new_tiktok(transport, store=store, **settings)

    @admin.on_login
    async def deny(user: TikTokUser, request: Request) -> None:
        raise LoginDenied("This page is for staff.")

    home = "{0.scheme}://{0.netloc}".format(urlsplit(redirect_uri))
    return Apps(
        public,
        admin,
        Browser(TikTokAuthMiddleware(app, public), emulator),
        Browser(TikTokAuthMiddleware(app, admin, protect=("/studio",)), emulator, home=home),
    )


async def test_visitor_whom_on_login_turned_away_cannot_use_a_session_of_the_other_app(apps: Apps) -> None:
    await apps.visitor.sign_in()
    login = await apps.visitor_at_admin.request(f"{apps.admin._site.login}?next=/studio", page=ORIGIN)
    denied = await apps.visitor_at_admin.request(apps.visitor.emulator.consent(login.location))
    site = apps.visitor_at_admin.app
    guarded = await send_request(site, "GET", "/studio", headers=[("cookie", apps.renamed_session)])

    assert (denied.status, "This page is for staff." in denied.text) == (403, True)
    assert guarded.status == 401
    assert await user_of(site, apps.renamed_session) == ""
    assert await apps.visitor.display_name() == AMARA.display_name


async def test_login_of_one_app_cannot_be_completed_at_another(apps: Apps) -> None:
    login = await apps.visitor.request(f"{apps.public._site.login}?next=/studio", page=ORIGIN)
    callback = urlsplit(apps.visitor.emulator.consent(login.location))
    ((name, line),) = login.set_cookie_lines.items()
    value = line.partition("=")[2].partition(";")[0]
    renamed = apps.admin._cookies.login_prefix + name.removeprefix(LOGIN_COOKIE)
    response = await send_request(
        apps.visitor_at_admin.app,
        "GET",
        apps.admin._site.callback,
        query=callback.query.encode(),
        headers=[("cookie", f"{renamed}={value}")],
    )

    assert response.status == 400
    assert not any(line.startswith(apps.admin._cookies.session) for line in response.set_cookie_lines)
    assert count_requests(apps.visitor.emulator) == 0


async def test_note_of_a_used_login_leads_nowhere_at_another_app(apps: Apps) -> None:
    """The reload of a callback leads to `next` at its own app only, even with the session of the same visitor."""
    callback = await apps.visitor.approve_login("next=/secret")
    assert (await apps.visitor.request(callback)).location == "/secret"
    assert (await apps.visitor.request(callback)).location == "/secret"
    response = await send_request(
        apps.visitor_at_admin.app,
        "GET",
        apps.admin._site.callback,
        query=urlsplit(callback).query.encode(),
        headers=[("cookie", apps.renamed_session)],
    )

    assert response.status == 400
    assert "/secret" not in response.text


async def test_sign_out_form_of_one_app_is_refused_by_another(apps: Apps) -> None:
    await apps.visitor.sign_in()
    page = await apps.visitor.request(apps.public._site.logout)
    token = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    _, (_, line) = await apps.admin._sessions.create(TikTokUser(open_id=AMARA.open_id), (), {})
    cookie = line.decode().partition(";")[0]
    body = f"csrf_token={token}".encode()
    response = await send_request(
        apps.visitor_at_admin.app, "POST", apps.admin._site.logout, headers=[("cookie", cookie)], body=body
    )

    assert len(token) == 64
    assert response.status == 403
    assert (
        await send_request(apps.visitor_at_admin.app, "GET", "/studio", headers=[("cookie", cookie)])
    ).status == 200


NAMES: dict[str, Callable[[Apps], set[str]]] = {
    "session records": lambda apps: {
        each._sessions.records.name_of(each._keys.newest, b"i" * 43) for each in both(apps)
    },
    "session cookies": lambda apps: {str(each._sessions.cookies.signer.sign(b"i" * 43)) for each in both(apps)},
}


def both(apps: Apps) -> tuple[TikTok, TikTok]:
    return apps.public, apps.admin


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
async def test_same_session_id_has_another_name_and_signature_at_another_app(
    apps: Apps, names: Callable[[Apps], set[str]]
) -> None:
    assert len(names(apps)) == 2


async def test_token_belongs_to_the_client_key(apps: Apps) -> None:
    """TikTok gives a user one grant per client_key, so apps that share it also share the token, and no others do."""
    await apps.visitor.sign_in()
    stored = await apps.admin._tokens.records.load(AMARA.open_id)

    assert (stored is not None) == (apps.admin._client.client_key == apps.public._client.client_key)


async def test_a07_apps_below_two_mounts_keep_each_others_cookies() -> None:
    uris = tuple(f"{ORIGIN}/{name}/auth/tiktok/callback" for name in ("one", "two"))
    emulator = Emulator([App(DEFAULT_APP.client_key, DEFAULT_APP.client_secret, redirect_uris=uris)])
    transport, store = httpx2.ASGITransport(emulator), MemoryStore()
    sites = [TikTokAuthMiddleware(app, new_tiktok(transport, store=store, redirect_uri=uri)) for uri in uris]
    outer: ASGIApp = Starlette(routes=[Mount("/one", sites[0]), Mount("/two", sites[1])])
    one, two = Browser(outer, emulator, prefix="/one"), Browser(outer, emulator, prefix="/two")
    two.jar = one.jar

    await one.start_login()
    await two.sign_in()
    assert await one.display_name() == ""
    await one.sign_in()
    assert (await one.display_name(), await two.display_name()) == (AMARA.display_name,) * 2
    await two.sign_out()

    assert (await one.display_name(), await two.display_name()) == (AMARA.display_name, "")
