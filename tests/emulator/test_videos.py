import json
from dataclasses import replace
from itertools import chain
from typing import Any
from xml.etree import ElementTree

import httpx2
import pytest

from asgi_tiktok.emulator import CAST, DEFAULT_CLIENT_KEY, Emulator, Person

from .wire import ALL_SCOPES, Clock, browser_of, sign_in

pytestmark = pytest.mark.anyio

AMARA, JUN, ZIP, TOMAS, LAYLA, *_ = CAST
LIST = "/v2/video/list/"
QUERY = "/v2/video/query/"
STRINGS = ("id", "cover_image_url", "share_url", "video_description", "title", "embed_html", "embed_link")
NUMBERS = (
    *("create_time", "duration", "height", "width"),
    *("like_count", "comment_count", "share_count", "view_count"),
)
EVERY_FIELD = ",".join((*STRINGS, *NUMBERS, "is_aigc"))
ONE_ID = {"filters": {"video_ids": ["7099522475452681474"]}}
WRONG_COUNTS: tuple[Any, ...] = (0, -1, 21, "20", 20.0, True, None)
WRONG_CURSORS: tuple[Any, ...] = (-1, 2**63, "1643332803000", 1.5, False, None)
WRONG_IDS: tuple[Any, ...] = (None, "1", {}, [], ["1"] * 21)
WRONG_BODIES: tuple[tuple[str, str, list[Any]], ...] = (
    (LIST, "from 1 to 20", [{"max_count": count} for count in WRONG_COUNTS]),
    (LIST, "from 0 to", [{"cursor": cursor} for cursor in WRONG_CURSORS]),
    (LIST, "JSON object", [[], "text", 1, False]),
    (QUERY, "JSON object", [[], "text", 1, False]),
    (QUERY, "1 to 20 ids", [{}, {"filters": None}, {"filters": []}, {"filters": {}}, {"video_ids": ["1"]}]),
    (QUERY, "1 to 20 ids", [{"filters": {"video_ids": ids}} for ids in WRONG_IDS]),
    (QUERY, "strings", [{"filters": {"video_ids": ids}} for ids in ([1], ["1", None])]),
)


async def token_of(browser: httpx2.AsyncClient, emulator: Emulator, person: Person = AMARA) -> str:
    return str((await sign_in(browser, emulator, person.open_id, scope=ALL_SCOPES))["access_token"])


async def ask(
    browser: httpx2.AsyncClient, path: str, token: str, body: Any = None, fields: str = "id"
) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return await browser.post(path, params={"fields": fields}, headers=headers, json={} if body is None else body)


async def videos(
    browser: httpx2.AsyncClient, token: str, body: Any = None, fields: str = "id"
) -> list[dict[str, Any]]:
    """Return the videos of one page."""
    answer = await ask(browser, LIST, token, body, fields)
    assert answer.status_code == 200, answer.text
    page: list[dict[str, Any]] = answer.json()["data"]["videos"]
    return page


async def all_videos(browser: httpx2.AsyncClient, token: str, count: int, fields: str) -> list[list[dict[str, Any]]]:
    """Return the videos of each page."""
    pages, body, more = [], {"max_count": count}, True
    while more:
        data = (await ask(browser, LIST, token, body, fields)).json()["data"]
        pages.append(data["videos"])
        body["cursor"], more = data["cursor"], data["has_more"]
    return pages


async def test_only_requested_fields_are_returned(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    token = await token_of(browser, emulator, TOMAS)
    answer = await ask(browser, LIST, token, {"max_count": 2}, "title,id")

    assert answer.status_code == 200
    body = answer.json()
    assert body["error"] == {"code": "ok", "message": "", "log_id": answer.headers["x-tt-logid"]}
    assert body["data"].keys() == {"videos", "cursor", "has_more"}
    assert [video.keys() for video in body["data"]["videos"]] == [{"id", "title"}] * 2


@pytest.mark.parametrize(
    ("person", "count", "sizes"),
    [(AMARA, 20, [20, 20, 5]), (ZIP, 15, [15, 15, 15]), (TOMAS, 4, [4, 4, 1]), (JUN, 20, [0]), (CAST[5], 20, [0])],
)
async def test_pages_contain_each_video_once_newest_first(person: Person, count: int, sizes: list[int]) -> None:
    emulator = Emulator(people=[replace(person, sandbox_target=True)])
    async with browser_of(emulator) as browser:
        pages = await all_videos(browser, await token_of(browser, emulator, person), count, "id,create_time")

    found = [video for page in pages for video in page]
    assert [len(page) for page in pages] == sizes
    assert found == sorted(found, key=lambda video: -video["create_time"])
    assert len({video["id"] for video in found}) == len(found)


async def test_page_has_ten_videos_by_default(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    token = await token_of(browser, emulator)

    assert len(await videos(browser, token)) == 10
    assert await videos(browser, token, {"cursor": 0}) == await videos(browser, token)


async def test_cursor_selects_videos_posted_before_it(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    token = await token_of(browser, emulator)
    first, second, third = await videos(browser, token, {"max_count": 3}, "id,create_time")
    moment = second["create_time"] * 1000

    assert (await videos(browser, token, {"cursor": moment}))[0]["id"] == third["id"]
    assert (await videos(browser, token, {"cursor": moment + 1}))[0]["id"] == second["id"]
    assert (await videos(browser, token, {"cursor": 2**63 - 1}))[0]["id"] == first["id"]
    before_all = (await ask(browser, LIST, token, {"cursor": 1})).json()["data"]
    assert before_all == {"videos": [], "cursor": 1, "has_more": False}


async def test_each_person_has_plausible_videos(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    ids: set[str] = set()
    for person in (AMARA, ZIP, TOMAS, LAYLA):
        token = await token_of(browser, emulator, person)
        found = [*chain.from_iterable(await all_videos(browser, token, 20, EVERY_FIELD))]
        assert len(found) == min(person.video_count, 45)
        ids.update(video["id"] for video in found)
        assert sum(video["like_count"] for video in found) <= person.likes_count
        for video in found:
            assert all(type(video[name]) is str and video[name] for name in STRINGS)
            assert all(type(video[name]) is int and video[name] >= 0 for name in NUMBERS)
            assert type(video["is_aigc"]) is bool
            assert int(video["id"]) >> 32 == video["create_time"]
            assert len(video["title"]) <= 150
            assert video["comment_count"] <= video["like_count"] <= video["view_count"]
            assert video["like_count"] < 2**31
            assert f"@{person.username}/video/{video['id']}?" in video["share_url"]
            assert video["share_url"].endswith(f"utm_source={DEFAULT_CLIENT_KEY}")
            assert video["id"] in video["embed_link"]
            assert f'data-video-id="{video["id"]}"' in video["embed_html"]
            assert "<no filter>" not in video["embed_html"]
    assert len(ids) == 45 + 45 + 9 + 45


async def test_videos_are_identical_on_every_run(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    seen = await videos(browser, await token_of(browser, emulator), {"max_count": 20}, EVERY_FIELD)
    again = Emulator(clock=emulator.grants.clock)
    async with browser_of(again) as other:
        assert await videos(other, await token_of(other, again), {"max_count": 20}, EVERY_FIELD) == seen


async def test_covers_are_served_by_the_emulator() -> None:
    emulator = Emulator(people=[Person(open_id="a/b", display_name="✨", video_count=2, likes_count=9)])
    async with browser_of(emulator) as browser:
        token = (await sign_in(browser, emulator, scope=ALL_SCOPES))["access_token"]
        for video in await videos(browser, token, fields="cover_image_url,title,share_url"):
            assert video["cover_image_url"].startswith("http://testserver/_emulator/covers/a%2Fb/")
            assert "/@user" in video["share_url"]
            picture = await browser.get(video["cover_image_url"])
            assert picture.headers["content-type"].startswith("image/svg+xml")
            svg = ElementTree.fromstring(picture.content)  # noqa: S314
            assert "".join(svg.itertext()).strip().startswith(video["title"])
        assert (await browser.get("/_emulator/covers/a%2Fb/1.svg")).status_code == 404
        assert (await browser.get("/_emulator/covers/nobody/1.svg")).status_code == 404


async def test_query_returns_only_the_persons_videos(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    token = await token_of(browser, emulator)
    own = [video["id"] for video in await videos(browser, token, {"max_count": 20})]
    foreign = await videos(browser, await token_of(browser, emulator, LAYLA))
    requested = [own[3], foreign[0]["id"], own[1], own[3], "1", ""]
    answer = await ask(browser, QUERY, token, {"filters": {"video_ids": requested}})

    assert answer.json()["data"] == {"videos": [{"id": own[1]}, {"id": own[3]}]}
    every = await ask(browser, QUERY, token, {"filters": {"video_ids": own}}, EVERY_FIELD)
    assert every.json()["data"]["videos"] == await videos(browser, token, {"max_count": 20}, EVERY_FIELD)


@pytest.mark.parametrize(
    ("path", "body", "fix"),
    [(path, body, fix) for path, fix, bodies in WRONG_BODIES for body in bodies],
)
async def test_invalid_body_is_refused(
    browser: httpx2.AsyncClient, emulator: Emulator, path: str, body: Any, fix: str
) -> None:
    await refuses(browser, emulator, path, (400, "invalid_params"), fix, content=json.dumps(body))


@pytest.mark.parametrize("path", [LIST, QUERY])
@pytest.mark.parametrize(
    ("content_type", "content", "fix"),
    [
        ("application/json", b"", "JSON object"),
        ("application/json", b"{", "JSON object"),
        ("application/json", b"\xff", "JSON object"),
        ("application/json", b"[" * 100_000, "JSON object"),
        ("application/x-www-form-urlencoded", b"max_count=20", "was application/x-www-form-urlencoded"),
        ("text/plain", b"{}", "was text/plain"),
        ("", b"{}", "was none"),
    ],
)
async def test_only_json_is_accepted(
    browser: httpx2.AsyncClient, emulator: Emulator, path: str, content_type: str, content: bytes, fix: str
) -> None:
    refusal = (400, "invalid_params")
    await refuses(browser, emulator, path, refusal, fix, content=content, content_type=content_type)


@pytest.mark.parametrize("path", [LIST, QUERY])
@pytest.mark.parametrize(
    ("fields", "fix"), [("", "?fields="), (",", "?fields="), ("id,fps", "id, create_time"), ("open_id", "is_aigc")]
)
async def test_fields_must_be_named(
    browser: httpx2.AsyncClient, emulator: Emulator, path: str, fields: str, fix: str
) -> None:
    await refuses(browser, emulator, path, (400, "invalid_params"), fix, fields=fields)


@pytest.mark.parametrize("path", [LIST, QUERY])
@pytest.mark.parametrize("fields", ["id", "", "fps"])
async def test_scope_is_required_for_any_fields(
    browser: httpx2.AsyncClient, emulator: Emulator, path: str, fields: str
) -> None:
    refusal = (401, "scope_not_authorized")
    scope = "user.info.basic,user.info.profile,user.info.stats"
    await refuses(browser, emulator, path, refusal, "Not granted: video.list", fields=fields, scope=scope)


@pytest.mark.parametrize("path", [LIST, QUERY])
@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer act.invented", "Basic {token}", "{token}"])
async def test_invalid_access_token_is_refused(
    browser: httpx2.AsyncClient, emulator: Emulator, path: str, authorization: str
) -> None:
    refusal = (401, "access_token_invalid")
    await refuses(browser, emulator, path, refusal, "refresh it", authorization=authorization)


async def test_expired_token_is_refused(browser: httpx2.AsyncClient, emulator: Emulator, clock: Clock) -> None:
    token = await token_of(browser, emulator)
    clock.forward(7200)

    assert (await ask(browser, LIST, token)).json()["error"]["code"] == "access_token_invalid"


async def test_charset_in_the_content_type_is_accepted(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    headers = {
        "Authorization": f"Bearer {await token_of(browser, emulator)}",
        "Content-Type": "application/json; charset=UTF-8",
    }
    answer = await browser.post(f"{LIST}?fields=id", headers=headers, content=b'{"max_count": 1, "unknown": 1}')

    assert answer.status_code == 200
    assert emulator.exchanges[-1].endpoint == "video_list"
    assert emulator.exchanges[-1].request == {"fields": "id", "body": '{"max_count": 1, "unknown": 1}'}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", LIST), ("GET", QUERY), ("POST", LIST[:-1]), ("POST", QUERY[:-1])]
)
async def test_wrong_method_or_missing_slash_is_not_found(
    browser: httpx2.AsyncClient, method: str, path: str
) -> None:
    answer = await browser.request(method, f"{path}?fields=id", headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.text) == (404, "Unsupported path(Janus)")


async def refuses(
    browser: httpx2.AsyncClient,
    emulator: Emulator,
    path: str,
    refusal: tuple[int, str],
    fix: str,
    *,
    fields: str = "id",
    content: str | bytes = json.dumps(ONE_ID),
    content_type: str = "application/json",
    authorization: str = "Bearer {token}",
    scope: str = ALL_SCOPES,
) -> None:
    """Assert that an otherwise valid request is refused because of the given change."""
    token = (await sign_in(browser, emulator, scope=scope))["access_token"]
    headers = {"Authorization": authorization.format(token=token), "Content-Type": content_type}
    headers = {name: value for name, value in headers.items() if value}
    answer = await browser.post(path, params={"fields": fields}, headers=headers, content=content)

    assert (answer.status_code, answer.json()["error"]["code"]) == refusal
    assert answer.json()["data"] == {}
    assert answer.json()["error"]["log_id"] == answer.headers["x-tt-logid"]
    assert fix in (emulator.exchanges[-1].fix or "")
    assert emulator.exchanges[-1].endpoint == ("video_list" if path == LIST else "video_query")
