"""Several callbacks of one login: at the same time, after a lost response, after a sign-out, and from others (P-22).

The two tabs of a scene share the cookies of one browser, and talk to different workers, which share the store only.
"""

import asyncio
import json
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import Response

from asgi_tiktok import LoginDenied, MemoryStore, Store, TikTokAuthMiddleware, TikTokUser
from asgi_tiktok.crypto.keys import Key, Unreadable
from asgi_tiktok.errors import TikTokError
from asgi_tiktok.routes import used_logins
from tests.support.app import app
from tests.support.browser import Browser
from tests.support.clock import Clock
from tests.support.interleaving import Scene, step_hook
from tests.support.people import AMARA, JUN
from tests.support.requests import RawResponse, send_request
from tests.support.settings import CALLBACK, SESSION_COOKIE
from tests.support.tiktok import count_requests
from tests.support.waiting import TIMEOUT

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene(store: MemoryStore) -> Scene:
    scene = Scene(store)
    scene.callback_url = await scene.browser.approve_login()
    return scene


async def open_and_lose(browser: Browser, callback_url: str) -> RawResponse:
    """Open the callback, but let the browser never get the response."""
    query = urlsplit(callback_url).query.encode()
    cookie = browser.jar.cookie_header(browser.home)
    headers = [("cookie", cookie), ("accept", "text/html")]
    return await send_request(browser.app, "GET", CALLBACK, query=query, headers=headers)


def hold_login(scene: Scene) -> asyncio.Event:
    """Let the logins of the first worker wait in `on_login` until the event is set."""
    released = asyncio.Event()

    @scene.tiktok.on_login
    async def wait(user: TikTokUser, request: Request) -> None:
        await released.wait()

    return released


async def until_held(scene: Scene) -> None:
    """Wait until a login has its token and its user."""
    async with asyncio.timeout(TIMEOUT):
        while count_requests(scene.emulator, "user_info") == 0:
            await asyncio.sleep(0)


async def open_twice_at_once(scene: Scene) -> tuple[RawResponse, RawResponse]:
    """Open the callback at both workers, the second time while the first one is completing the login."""
    released = hold_login(scene)
    first = asyncio.create_task(scene.browser.request(scene.callback_url))
    await until_held(scene)
    second = asyncio.create_task(scene.second_tab.request(scene.callback_url))
    await asyncio.sleep(0.01)
    assert not second.done()
    released.set()
    return await first, await second


@pytest.mark.legitimate
async def test_p22_second_callback_waits_for_the_first_and_has_its_outcome(scene: Scene) -> None:
    responses = await open_twice_at_once(scene)

    assert [(response.status, response.location) for response in responses] == [(303, "/me")] * 2
    assert responses[0].set_cookie_lines[SESSION_COOKIE] == responses[1].set_cookie_lines[SESSION_COOKIE]
    assert await scene.count_sessions() == 1
    assert count_requests(scene.emulator) == 1
    assert (await scene.browser.request("/me")).json()["name"] == AMARA.display_name
    assert (await scene.browser.request(scene.callback_url)).location == "/me"


@pytest.mark.legitimate
async def test_p22_callbacks_at_once_have_the_same_outcome_although_the_store_is_slow(scene: Scene) -> None:
    """The store answers the other two callbacks only after the first one has ended."""
    ended = asyncio.Event()

    async def until_ended() -> None:
        await ended.wait()

    async def open_slowly() -> RawResponse:
        step_hook.set(until_ended)
        return await open_and_lose(scene.second_tab, scene.callback_url)

    others = [asyncio.create_task(open_slowly()) for _ in range(2)]
    await asyncio.sleep(0)
    first = await open_and_lose(scene.browser, scene.callback_url)
    ended.set()
    responses = [first, *await asyncio.gather(*others)]

    assert [response.status for response in responses] == [303] * 3
    assert len({response.set_cookie_lines[SESSION_COOKIE] for response in responses}) == 1
    assert (await open_and_lose(scene.browser, scene.callback_url)).status == 303
    assert (await open_and_lose(scene.browser, scene.callback_url)).status == 400


@pytest.mark.legitimate
async def test_p22_second_callback_shows_the_error_of_the_first(scene: Scene) -> None:
    failures: list[TikTokError] = []

    @scene.tiktok.on_failed_login
    @scene.second_tiktok.on_failed_login
    async def remember(error: TikTokError, request: Request) -> None:
        failures.append(error)

    released = hold_login(scene)

    @scene.tiktok.on_login
    async def members_only(user: TikTokUser, request: Request) -> None:
        raise LoginDenied("Only members can sign in.")

    released.set()
    first, second = await asyncio.gather(
        scene.browser.request(scene.callback_url), scene.second_tab.request(scene.callback_url)
    )

    assert [response.status for response in (first, second)] == [403, 403]
    assert all("Only members can sign in." in response.text for response in (first, second))
    assert [error.code for error in failures] == ["login_denied"]
    assert await scene.count_sessions() == 0


async def test_p22_callback_does_not_wait_for_ever(
    scene: Scene, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker of the first callback was killed."""
    monkeypatch.setattr(used_logins, "WAITS", (0, 0))
    released = hold_login(scene)
    first = asyncio.create_task(scene.browser.request(scene.callback_url))
    await until_held(scene)
    second = await scene.second_tab.request(scene.callback_url)
    released.set()
    await first

    assert second.status == 400
    assert "This sign-in is already complete" in second.text
    assert count_requests(scene.emulator) == 1


@pytest.mark.legitimate
async def test_p22_browser_that_lost_the_response_gets_its_session_once(scene: Scene) -> None:
    lost = await open_and_lose(scene.browser, scene.callback_url)
    cookies = scene.browser.jar.cookie_header(scene.browser.home)
    assert lost.status == 303
    reload = await scene.second_tab.request(scene.callback_url)

    assert (reload.status, reload.location) == (303, "/me")
    assert await scene.second_tab.display_name() == AMARA.display_name
    assert await scene.count_sessions() == 1
    assert count_requests(scene.emulator) == 1

    query = urlsplit(scene.callback_url).query.encode()
    again = await send_request(scene.browser.app, "GET", CALLBACK, query=query, headers=[("cookie", cookies)])
    assert again.status == 400
    assert SESSION_COOKIE not in again.set_cookie_lines


@pytest.mark.legitimate
async def test_p22_login_continues_if_its_request_is_cancelled(scene: Scene) -> None:
    """The server cancels it, because the browser has closed the connection."""
    released = hold_login(scene)
    request = asyncio.create_task(open_and_lose(scene.browser, scene.callback_url))
    await until_held(scene)
    request.cancel()
    await asyncio.wait({request})
    released.set()

    assert (await scene.browser.request(scene.callback_url)).status == 303
    assert await scene.browser.display_name() == AMARA.display_name


async def test_p22_aclose_waits_for_a_login_that_continues(scene: Scene) -> None:
    released = hold_login(scene)
    request = asyncio.create_task(open_and_lose(scene.browser, scene.callback_url))
    await until_held(scene)
    request.cancel()
    closing = asyncio.create_task(scene.tiktok.aclose())
    await asyncio.sleep(0)
    released.set()
    await closing

    assert await scene.count_sessions() == 1


async def test_p22_callback_without_the_login_cookie_gets_nothing(scene: Scene) -> None:
    lost = await open_and_lose(scene.browser, scene.callback_url)
    attacker = Browser(scene.second_tab.app, scene.emulator)
    for _ in range(2):
        response = await attacker.request(scene.callback_url)
        assert response.status == 400
        assert not response.set_cookie_lines
        await attacker.sign_in(JUN)

    assert await attacker.display_name() == JUN.display_name
    assert lost.status == 303
    assert (await scene.browser.request(scene.callback_url)).status == 303, "the attacker has used it up"


async def test_p22_callback_without_the_login_cookie_does_not_wait(scene: Scene) -> None:
    released = hold_login(scene)
    first = asyncio.create_task(scene.browser.request(scene.callback_url))
    await until_held(scene)
    response = await Browser(scene.second_tab.app, scene.emulator).request(scene.callback_url)

    assert (response.status, first.done()) == (400, False)
    released.set()
    await first


async def end_by_sign_out(scene: Scene, lost: RawResponse) -> None:
    cookie = lost.set_cookie_lines[SESSION_COOKIE].partition(";")[0]
    other = Browser(scene.second_tab.app, scene.emulator)
    other.jar.store(other.home, f"{cookie}; Secure; Path=/")
    await other.sign_out()


async def end_everywhere(scene: Scene, lost: RawResponse) -> None:
    await scene.second_tiktok.end_sessions(AMARA.open_id)


@pytest.mark.parametrize("end", [end_by_sign_out, end_everywhere], ids=["P-22 sign-out", "P-22 end_sessions"])
async def test_session_that_has_ended_is_not_revived(
    scene: Scene, end: Callable[[Scene, RawResponse], Awaitable[None]]
) -> None:
    await end(scene, await open_and_lose(scene.browser, scene.callback_url))
    response = await scene.browser.request(scene.callback_url)

    assert response.status == 400
    assert SESSION_COOKIE not in response.set_cookie_lines
    assert await scene.count_sessions() == 0
    assert await scene.browser.display_name() == ""


async def test_p22_session_is_not_handed_out_after_the_login_has_expired(scene: Scene, clock: Clock) -> None:
    await open_and_lose(scene.browser, scene.callback_url)
    cookies = scene.browser.jar.cookie_header(scene.browser.home)
    clock.advance(601)
    query = urlsplit(scene.callback_url).query.encode()
    response = await send_request(scene.browser.app, "GET", CALLBACK, query=query, headers=[("cookie", cookies)])

    assert response.status == 400
    assert SESSION_COOKIE not in response.set_cookie_lines


async def test_p22_later_login_of_another_user_stays(scene: Scene) -> None:
    """Somebody who reloads an old tab must not become the user who could not sign in there before."""
    await open_and_lose(scene.browser, scene.callback_url)
    await scene.sign_in(JUN)
    reloaded = await scene.browser.request(scene.callback_url)

    assert (reloaded.status, reloaded.location) == (303, "/me")
    assert SESSION_COOKIE not in reloaded.set_cookie_lines
    assert await scene.browser.display_name() == JUN.display_name


async def test_p22_session_of_an_earlier_login_of_another_user_does_not_stay(scene: Scene) -> None:
    await scene.sign_in(JUN)
    await open_and_lose(scene.browser, scene.callback_url)
    assert await scene.count_sessions(JUN) == 0

    assert (await scene.browser.request(scene.callback_url)).status == 303
    assert await scene.browser.display_name() == AMARA.display_name


async def test_p22_store_and_secret_key_together_contain_no_session_cookie(scene: Scene, store: MemoryStore) -> None:
    """The session's cookie is sealed under a key that only the login cookie has."""
    lost = await open_and_lose(scene.browser, scene.callback_url)
    session_id = lost.set_cookie_lines[SESSION_COOKIE].partition("=")[2].partition(".")[0]
    ((name, record),) = [(name, value[0]) for name, value in store._records.items() if name.startswith("used:")]
    key: Key = scene.tiktok._keys.newest
    note = json.loads(key.unseal(used_logins.PURPOSE, record, context=name))

    assert session_id.encode() not in key.unseal(used_logins.PURPOSE, record, context=name)
    for purpose in (used_logins.PURPOSE, used_logins.COOKIE_PURPOSE):
        with pytest.raises(Unreadable):
            key.unseal(purpose, b64decode(note["session_cookie"]), context=note["session_name"])


@pytest.mark.legitimate
async def test_p22_lost_response_with_every_store(each_store: Store) -> None:
    scene = Scene(each_store)
    callback_url = await scene.browser.approve_login()
    await open_and_lose(scene.browser, callback_url)

    assert (await scene.second_tab.request(callback_url)).status == 303
    assert await scene.second_tab.display_name() == AMARA.display_name


async def test_p22_app_response_to_a_repeated_error_deletes_the_login(store: MemoryStore) -> None:
    def on_error(connection: Any, error: TikTokError) -> Response:
        return Response(error.code, status_code=error.status_code)

    scene = Scene(store)
    scene.browser.app = scene.second_tab.app = TikTokAuthMiddleware(app, scene.tiktok, on_error=on_error)

    @scene.tiktok.on_login
    async def nobody(user: TikTokUser, request: Request) -> None:
        raise LoginDenied

    callback_url = await scene.browser.approve_login()
    assert (await open_and_lose(scene.browser, callback_url)).text == "login_denied"
    assert (await scene.browser.request(callback_url)).text == "login_denied"
    assert len(list(scene.browser.jar)) == 0
