from urllib.parse import urlsplit
from xml.etree import ElementTree

import httpx2
import pytest

from asgi_tiktok.emulator import CAST, Emulator, Person

from .wire import ALL_SCOPES, Clock, authorization_url, browser_of, credentials, post_token, sign_in, user_info

pytestmark = pytest.mark.anyio

AMARA, JUN, ZIP, TOMAS, LAYLA, *_ = CAST
PROFILE = "bio_description,profile_deep_link,profile_web_link,is_verified,username"
STATS = "follower_count,following_count,likes_count,video_count"


async def test_only_requested_fields_are_returned(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    tokens = await sign_in(browser, emulator, TOMAS.open_id)
    answer = await user_info(browser, tokens["access_token"], "display_name,open_id")

    assert answer.status_code == 200
    assert answer.json() == {
        "data": {"user": {"open_id": TOMAS.open_id, "display_name": "Tomás Brook"}},
        "error": {"code": "ok", "message": "", "log_id": answer.headers["x-tt-logid"]},
    }


async def test_all_fields_are_returned_with_all_scopes(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    tokens = await sign_in(browser, emulator, ZIP.open_id, scope=ALL_SCOPES)
    answer = await user_info(browser, tokens["access_token"], f"union_id,{PROFILE},{STATS}")

    assert answer.json()["data"]["user"] == {
        "union_id": ZIP.union_id,
        "bio_description": 'Ink & paper 🖋️\n"Draw first, ask later" <3',
        "profile_deep_link": ZIP.profile_deep_link,
        "profile_web_link": "https://www.tiktok.com/@zipquill",
        "is_verified": True,
        "username": "zipquill",
        "follower_count": 4_700_000_000,
        "following_count": 12,
        "likes_count": 91_000_000_000,
        "video_count": 2_204,
    }


@pytest.mark.parametrize("field", [*PROFILE.split(","), *STATS.split(",")])
async def test_one_field_without_its_scope_fails_the_request(
    browser: httpx2.AsyncClient, emulator: Emulator, field: str
) -> None:
    tokens = await sign_in(browser, emulator, scope="user.info.basic,video.list")
    answer = await user_info(browser, tokens["access_token"], f"open_id,{field}")

    assert answer.status_code == 401
    assert answer.json()["data"] == {}
    assert answer.json()["error"] == {
        "code": "scope_not_authorized",
        "message": "The user did not authorize the scope required for completing this request.",
        "log_id": answer.headers["x-tt-logid"],
    }
    assert f"Not granted: {field};" in (emulator.exchanges[-1].fix or "")


@pytest.mark.parametrize("fields", ["", ",", "avatar_url_300", "open_id,email"])
async def test_fields_must_be_named(browser: httpx2.AsyncClient, emulator: Emulator, fields: str) -> None:
    tokens = await sign_in(browser, emulator)
    answer = await user_info(browser, tokens["access_token"], fields)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_params"


async def test_invalid_access_token_is_refused(browser: httpx2.AsyncClient, emulator: Emulator, clock: Clock) -> None:
    tokens = await sign_in(browser, emulator)
    app_token = await post_token(browser, credentials(grant_type="client_credentials"))

    async def status_and_code(authorization: str | None) -> tuple[int, str]:
        headers = {} if authorization is None else {"Authorization": authorization}
        answer = await browser.get("/v2/user/info/?fields=open_id", headers=headers)
        return answer.status_code, answer.json()["error"]["code"]

    alive = f"Bearer {tokens['access_token']}"
    clock.forward(7199)
    assert await status_and_code(alive) == (200, "ok")
    for authorization in (
        None,
        "Bearer act.invented",
        alive.replace("Bearer", "Basic"),
        f"Bearer {tokens['refresh_token']}",
        f"Bearer {app_token['access_token']}",
    ):
        assert await status_and_code(authorization) == (401, "access_token_invalid")
    clock.forward(1)
    assert await status_and_code(alive) == (401, "access_token_invalid")


async def test_json_is_escaped_like_tiktoks(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    tokens = await sign_in(browser, emulator, ZIP.open_id)
    text = (await user_info(browser, tokens["access_token"], "display_name")).text

    assert r"Zoë \"Zip\" \u003cb\u003eQuill\u003c/b\u003e \u0026 Co ✨🎨" in text


async def test_avatars_are_served_by_the_emulator(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    sizes = {"avatar_url": "168", "avatar_url_100": "100", "avatar_large_url": "720"}
    letters = {}
    for person in CAST[:5]:
        tokens = await sign_in(browser, emulator, person.open_id)
        user = (await user_info(browser, tokens["access_token"], ",".join(sizes))).json()["data"]["user"]
        for field, size in sizes.items():
            assert user[field].startswith("http://testserver/_emulator/avatars/")
            picture = await browser.get(user[field])
            assert picture.headers["content-type"].startswith("image/svg+xml")
            svg = ElementTree.fromstring(picture.content)  # noqa: S314
            assert svg.get("width") == size
            letters[person.display_name] = "".join(svg.itertext()).split()[-1]

    assert list(letters.values()) == ["AS", "J", "ZC", "TB", "لا"]


async def test_given_avatar_url_is_returned_unchanged() -> None:
    person = Person(open_id="a/b", display_name="✨", avatar_url="https://cdn.example.com/a.jpeg?x=1&y=2")
    emulator = Emulator(people=(person,))
    async with browser_of(emulator) as browser:
        tokens = await sign_in(browser, emulator)
        user = (await user_info(browser, tokens["access_token"], "avatar_url,avatar_url_100")).json()
        drawn = await browser.get(user["data"]["user"]["avatar_url_100"])

    assert user["data"]["user"]["avatar_url"] == "https://cdn.example.com/a.jpeg?x=1&y=2"
    assert "★" in drawn.text


@pytest.mark.parametrize("query", ["size=7", "size=big", "size="])
async def test_avatar_of_another_size_is_not_found(browser: httpx2.AsyncClient, query: str) -> None:
    path = f"/_emulator/avatars/{JUN.open_id}.svg"

    assert (await browser.get(path)).status_code == 200
    assert (await browser.get(f"{path}?{query}")).status_code == 404
    assert (await browser.get("/_emulator/avatars/nobody.svg")).status_code == 404


async def test_consent_page_uses_local_pictures_and_styles(browser: httpx2.AsyncClient) -> None:
    page = (await browser.get(authorization_url())).text
    assert f'src="/_emulator/avatars/{LAYLA.open_id}.svg"' in page

    style = await browser.get("/_emulator/emulator.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "@import" not in style.text
    assert not urlsplit(str(style.url)).query
