import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from asgi_tiktok.emulator import CAST, DEFAULT_APP, App, Emulator, Person
from tests.support.webhooks import sign_webhook

from .poster import (
    CANCEL,
    CREATOR,
    DRAFT,
    ONE_CHUNK,
    PHOTOS,
    STATUS,
    VIDEO,
    Poster,
    photo_body,
    refusal,
    video_body,
)
from .wire import Clock, browser_of

pytestmark = pytest.mark.anyio

AMARA, JUN, ZIP, TOMAS, LAYLA, _, _, IVY = CAST
PUBLIC = "PUBLIC_TO_EVERYONE"
APP = replace(
    DEFAULT_APP,
    webhook_url="http://localhost:8000/hook",
    url_properties=("media.example.com", "https://cdn.example.org/videos/"),
)
PULLED = {"source": "PULL_FROM_URL", "video_url": "https://media.example.com/bowls.mp4"}


def emulator_of(*people: Person, clock: Clock, **knobs: Any) -> Emulator:
    return Emulator([APP], people or CAST, clock=clock, **knobs)


def events(emulator: Emulator) -> list[tuple[str, dict[str, str]]]:
    """Return the names and contents of the events that are due."""
    emulator.posts.announce()
    bodies = [json.loads(delivery.body) for delivery in emulator.webhooks.deliveries]
    return [(body["event"], json.loads(body["content"])) for body in bodies]


async def test_creator_info_describes_the_account(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    answer = await (await Poster.of(browser, emulator)).ask(CREATOR)
    data = answer.json()["data"]

    assert data.pop("creator_avatar_url").startswith("http://testserver/_emulator/avatars/")
    assert data == {
        "creator_username": "amara.sol.clay",
        "creator_nickname": "Amara Sol",
        "privacy_level_options": [PUBLIC, "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
        "comment_disabled": False,
        "duet_disabled": False,
        "stitch_disabled": False,
        "max_video_post_duration_sec": 600,
    }


async def test_private_account_has_other_privacy_levels(clock: Clock) -> None:
    emulator = emulator_of(replace(AMARA, private_account=True), clock=clock, audited=True)
    async with browser_of(emulator) as browser:
        poster = await Poster.of(browser, emulator)
        data = (await poster.ask(CREATOR)).json()["data"]
        public = await poster.ask(VIDEO, video_body(privacy_level=PUBLIC))
        await poster.begin(body=video_body(privacy_level="FOLLOWER_OF_CREATOR"))

    assert data["privacy_level_options"] == ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert (data["comment_disabled"], data["duet_disabled"], data["stitch_disabled"]) == (False, True, True)
    assert refusal(public) == (403, "privacy_level_option_mismatch")


async def test_public_post_becomes_available_after_its_moderation(clock: Clock) -> None:
    emulator = emulator_of(clock=clock, audited=True)
    async with browser_of(emulator) as browser:
        poster = await Poster.of(browser, emulator)
        begun = await poster.begin(body=video_body(privacy_level=PUBLIC))
        progress = {"uploaded_bytes": 0, "publicaly_available_post_id": []}
        assert await poster.status(begun) == {"status": "PROCESSING_UPLOAD", **progress}
        await poster.upload(begun)
        progress["uploaded_bytes"] = 5
        assert await poster.status(begun) == {"status": "PROCESSING_UPLOAD", **progress}
        assert events(emulator) == []

        clock.forward(2)
        assert await poster.status(begun) == {"status": "PUBLISH_COMPLETE", **progress}
        clock.forward(2)
        [post_id] = (await poster.status(begun))["publicaly_available_post_id"]
        assert type(post_id) is int
        emulator.posts.remove(begun["publish_id"])
        assert await poster.status(begun) == {"status": "PUBLISH_COMPLETE", **progress}

    content = {"publish_id": begun["publish_id"], "publish_type": "DIRECT_PUBLISH"}
    assert events(emulator) == [
        ("post.publish.complete", content),
        ("post.publish.publicly_available", {**content, "post_id": str(post_id)}),
        ("post.publish.no_longer_publicaly_available", {**content, "post_id": str(post_id)}),
    ]


async def test_event_of_a_post_is_signed_and_delivered_when_it_happens(clock: Clock) -> None:
    received: list[httpx2.Request] = []

    def receive(request: httpx2.Request) -> httpx2.Response:
        received.append(request)
        return httpx2.Response(200)

    emulator = emulator_of(clock=clock)
    emulator.webhooks.transport = httpx2.MockTransport(receive)
    async with browser_of(emulator) as browser:
        poster = await Poster.of(browser, emulator)
        await poster.upload(await poster.begin())
        assert await emulator.webhooks.deliver() == []
        clock.forward(2)
        [delivery] = await emulator.webhooks.deliver()

    [request] = received
    assert delivery.delivered
    assert json.loads(request.content)["user_openid"] == AMARA.open_id
    assert request.headers["tiktok-signature"] == sign_webhook(request.content, at=clock.now)


async def test_draft_waits_in_the_inbox_until_its_person_publishes_it(clock: Clock) -> None:
    emulator = emulator_of(clock=clock)
    async with browser_of(emulator) as browser:
        poster = await Poster.of(browser, emulator)
        begun = await poster.begin(DRAFT, {"source_info": ONE_CHUNK})
        with pytest.raises(ValueError, match="is not a draft in an inbox"):
            emulator.posts.publish(begun["publish_id"])
        await poster.upload(begun)
        clock.forward(3600)
        assert (await poster.status(begun))["status"] == "SEND_TO_USER_INBOX"
        emulator.posts.publish(begun["publish_id"])
        assert (await poster.status(begun))["status"] == "PUBLISH_COMPLETE"

    content = {"publish_id": begun["publish_id"], "publish_type": "INBOX_SHARE"}
    assert events(emulator) == [("post.publish.inbox_delivered", content), ("post.publish.complete", content)]


@pytest.mark.parametrize(
    ("path", "body", "start"),
    [
        (VIDEO, video_body(), "v_pub_file~v2-1."),
        (VIDEO, video_body(PULLED), "v_pub_url~v2-1."),
        (DRAFT, {"source_info": ONE_CHUNK}, "v_inbox_file~v2."),
        (DRAFT, {"source_info": PULLED}, "v_inbox_url~v2."),
        (PHOTOS, photo_body(), "p_pub_url~v2."),
        (PHOTOS, photo_body("MEDIA_UPLOAD"), "p_inbox_url~v2."),
    ],
)
async def test_publish_id_names_the_kind_of_post(clock: Clock, path: str, body: Any, start: str) -> None:
    emulator = emulator_of(clock=clock)
    async with browser_of(emulator) as browser:
        poster = await Poster.of(browser, emulator)
        begun = await poster.begin(path, body)
        processing = (await poster.status(begun))["status"]
        clock.forward(2)
        done = (await poster.status(begun))["status"]

    assert begun["publish_id"].startswith(start)
    assert len(begun["publish_id"]) <= 64
    uploaded = "upload_url" in begun
    assert uploaded == ("_file~" in start)
    assert processing == ("PROCESSING_UPLOAD" if uploaded else "PROCESSING_DOWNLOAD")
    finished = "SEND_TO_USER_INBOX" if "inbox" in start else "PUBLISH_COMPLETE"
    assert done == ("PROCESSING_UPLOAD" if uploaded else finished)


@pytest.mark.parametrize(
    ("url", "owned"),
    [
        ("https://media.example.com/bowls.mp4?signature=1", True),
        ("https://eu.media.example.com/bowls.mp4", True),
        ("https://cdn.example.org/videos/amara/bowls.mp4", True),
        ("https://cdn.example.org/videos.mp4", False),
        ("https://cdn.example.org/videos/../bowls.mp4", False),
        ("https://example.com/bowls.mp4", False),
        ("https://evilmedia.example.com.test/bowls.mp4", False),
        ("https://media.example.com@evil.test/bowls.mp4", False),
        ("http://media.example.com/bowls.mp4", False),
        ("https://[/bowls.mp4", False),
        ("", False),
    ],
)
async def test_media_is_downloaded_only_from_verified_urls(clock: Clock, url: str, owned: bool) -> None:
    emulator = emulator_of(clock=clock)
    async with browser_of(emulator) as browser:
        answer = await (await Poster.of(browser, emulator)).ask(VIDEO, video_body({**PULLED, "video_url": url}))

    assert refusal(answer) == ((200, "ok") if owned else (403, "url_ownership_unverified"))


@pytest.mark.parametrize(
    "value", ["", "localhost", "http://example.com/", "https://example.com/videos", "Example.com"]
)
def test_invalid_url_property_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="write a domain, for example"):
        App("k", "s", redirect_uris=("http://localhost:*/cb",), url_properties=(value,))


@pytest.mark.parametrize(
    ("path", "scopes", "granted"),
    [
        (CREATOR, "user.info.basic,video.upload", False),
        (VIDEO, "user.info.basic,video.upload", False),
        (DRAFT, "user.info.basic,video.publish", False),
        (PHOTOS, "user.info.basic,video.upload", False),
        (PHOTOS, "user.info.basic,video.list", False),
        (STATUS, "user.info.basic,video.list", False),
        (CANCEL, "user.info.basic,video.list", False),
        (CREATOR, "video.publish", True),
    ],
)
async def test_each_endpoint_has_its_scope(
    browser: httpx2.AsyncClient, emulator: Emulator, path: str, scopes: str, granted: bool
) -> None:
    poster = await Poster.of(browser, emulator, scope=scopes)
    answer = await poster.ask(path, photo_body() if path == PHOTOS else video_body())

    assert refusal(answer) == ((200, "ok") if granted else (401, "scope_not_authorized"))


@pytest.mark.parametrize("path", [CREATOR, VIDEO, DRAFT, PHOTOS, STATUS, CANCEL])
async def test_invalid_access_token_is_refused(browser: httpx2.AsyncClient, path: str) -> None:
    assert refusal(await Poster(browser, "act.invented").ask(path)) == (401, "access_token_invalid")


@pytest.mark.parametrize(("path", "limit"), [(VIDEO, 6), (DRAFT, 6), (PHOTOS, 6), (CREATOR, 20), (STATUS, 30)])
async def test_requests_per_minute_and_access_token_are_limited(
    browser: httpx2.AsyncClient, emulator: Emulator, clock: Clock, path: str, limit: int
) -> None:
    poster, other = [await Poster.of(browser, emulator) for _ in range(2)]
    for _ in range(limit):
        assert (await poster.ask(path)).status_code != 429
    assert refusal(await poster.ask(path)) == (429, "rate_limit_exceeded")
    assert f"at most {limit} times in a minute" in (emulator.exchanges[-1].fix or "")
    assert (await other.ask(path)).status_code != 429
    clock.forward(60)
    assert (await poster.ask(path)).status_code != 429


@pytest.mark.parametrize("level", [PUBLIC, "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"])
async def test_posts_of_an_unaudited_app_are_private(clock: Clock, level: str) -> None:
    answers = []
    for audited in (False, True):
        emulator = emulator_of(clock=clock, audited=audited)
        async with browser_of(emulator) as browser:
            answers.append(await (await Poster.of(browser, emulator)).ask(VIDEO, video_body(privacy_level=level)))

    unaudited = (403, "unaudited_client_can_only_post_to_private_accounts")
    assert [refusal(answer) for answer in answers] == [
        (200, "ok") if level == "SELF_ONLY" else unaudited,
        (200, "ok"),
    ]


@pytest.mark.parametrize("private_account", [False, True])
async def test_knob_requires_private_accounts_of_an_unaudited_app(clock: Clock, private_account: bool) -> None:
    person = replace(AMARA, private_account=private_account)
    emulator = emulator_of(person, clock=clock, unaudited_accounts="private")
    async with browser_of(emulator) as browser:
        answer = await (await Poster.of(browser, emulator)).ask(VIDEO, video_body())

    unaudited = (403, "unaudited_client_can_only_post_to_private_accounts")
    assert refusal(answer) == ((200, "ok") if private_account else unaudited)


async def test_unaudited_app_posts_for_five_people_in_a_day(clock: Clock) -> None:
    emulator = emulator_of(clock=clock)
    async with browser_of(emulator) as browser:
        for person in (AMARA, JUN, ZIP, TOMAS, LAYLA):
            await (await Poster.of(browser, emulator, person)).begin()
        sixth = await Poster.of(browser, emulator, IVY)
        assert refusal(await sixth.ask(VIDEO, video_body())) == (403, "reached_active_user_cap")
        assert refusal(await sixth.ask(CREATOR)) == (200, "reached_active_user_cap")
        await sixth.begin(DRAFT)
        await (await Poster.of(browser, emulator, AMARA)).begin()
        clock.forward(86400)
        await (await Poster.of(browser, emulator, IVY)).begin()


async def test_person_has_a_limit_of_posts_and_of_drafts_in_a_day(clock: Clock) -> None:
    emulator = emulator_of(clock=clock)
    async with browser_of(emulator) as browser:
        for _ in range(15):
            await (await Poster.of(browser, emulator)).begin()
        drafts = [await (await Poster.of(browser, emulator)).begin(DRAFT) for _ in range(5)]
        poster = await Poster.of(browser, emulator)
        assert refusal(await poster.ask(VIDEO, video_body())) == (403, "spam_risk_too_many_posts")
        assert refusal(await poster.ask(CREATOR)) == (200, "spam_risk_too_many_posts")
        assert refusal(await poster.ask(DRAFT, video_body())) == (403, "spam_risk_too_many_pending_share")
        await poster.upload(drafts[0])
        clock.forward(2)
        emulator.posts.publish(drafts[0]["publish_id"])
        await poster.begin(DRAFT)


@pytest.mark.parametrize(
    ("post_error", "path", "body", "status"),
    [
        ("spam_risk_user_banned_from_posting", VIDEO, video_body(), 403),
        ("spam_risk_user_banned_from_posting", DRAFT, video_body(), 403),
        ("spam_risk_user_banned_from_posting", CREATOR, {}, 200),
        ("spam_risk_too_many_posts", VIDEO, video_body(), 403),
        ("spam_risk_too_many_pending_share", DRAFT, video_body(), 403),
        ("app_version_check_failed", PHOTOS, photo_body("MEDIA_UPLOAD"), 400),
        ("reached_active_user_cap", PHOTOS, photo_body(), 403),
    ],
)
async def test_post_error_of_a_person_refuses_posts(
    clock: Clock, post_error: str, path: str, body: Any, status: int
) -> None:
    emulator = emulator_of(replace(AMARA, post_error=post_error), clock=clock)
    async with browser_of(emulator) as browser:
        assert refusal(await (await Poster.of(browser, emulator)).ask(path, body)) == (status, post_error)


async def test_post_error_of_a_person_can_be_the_reason_of_a_failure(clock: Clock) -> None:
    emulator = emulator_of(replace(AMARA, post_error="frame_rate_check_failed"), clock=clock)
    async with browser_of(emulator) as browser:
        poster = await Poster.of(browser, emulator)
        begun = await poster.begin()
        await poster.upload(begun)
        clock.forward(2)
        status = await poster.status(begun)

    assert (status["status"], status["fail_reason"]) == ("FAILED", "frame_rate_check_failed")
    content = {
        "publish_id": begun["publish_id"],
        "publish_type": "DIRECT_PUBLISH",
        "reason": "frame_rate_check_failed",
    }
    assert events(emulator) == [("post.publish.failed", content)]


def test_unknown_post_error_is_refused() -> None:
    with pytest.raises(ValueError, match="did you mean spam_risk_text"):
        replace(AMARA, post_error="spam_risk_txt")


async def test_post_fails_when_its_person_disconnects_the_app(clock: Clock) -> None:
    emulator = emulator_of(clock=clock)
    async with browser_of(emulator) as browser:
        poster = await Poster.of(browser, emulator)
        published = await poster.begin()
        await poster.upload(published)
        clock.forward(2)
        begun = await poster.begin()
        emulator.grants.remove(APP.client_key, AMARA.open_id)
        assert (await poster.upload(begun)).status_code == 404
        again = await Poster.of(browser, emulator)
        assert (await again.status(begun))["fail_reason"] == "auth_removed"
        assert (await again.status(published))["status"] == "PUBLISH_COMPLETE"


async def test_download_can_be_cancelled_until_it_has_ended(clock: Clock) -> None:
    emulator = emulator_of(clock=clock)
    async with browser_of(emulator) as browser:
        poster = await Poster.of(browser, emulator)
        begun = await poster.begin(body=video_body(PULLED))
        answer = await poster.ask(CANCEL, {"publish_id": begun["publish_id"]})
        assert (refusal(answer), answer.json()["data"]) == ((200, "ok"), {})
        assert (await poster.status(begun))["fail_reason"] == "publish_cancelled"
        clock.forward(2)
        assert (await poster.status(begun))["status"] == "FAILED"
        again = await poster.ask(CANCEL, {"publish_id": begun["publish_id"]})

    assert refusal(again) == (400, "publish_not_cancellable")


@pytest.mark.parametrize("path", [STATUS, CANCEL])
async def test_post_belongs_to_one_person(browser: httpx2.AsyncClient, emulator: Emulator, path: str) -> None:
    begun = await (await Poster.of(browser, emulator, AMARA)).begin()
    other = await Poster.of(browser, emulator, JUN)
    foreign = await other.ask(path, {"publish_id": begun["publish_id"]})

    assert refusal(foreign) == (400, "token_not_authorized_for_specified_publish_id")
    assert refusal(await other.ask(path, {"publish_id": "v_pub_file~v2-1.1"})) == (400, "invalid_publish_id")
    assert refusal(await other.ask(path, {"publish_id": 1})) == (400, "invalid_param")


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


@pytest.mark.parametrize(
    ("path", "body", "fix"),
    [
        (VIDEO, [], "Send a JSON object"),
        (VIDEO, without(video_body(), "post_info"), "Send post_info as a JSON object"),
        (VIDEO, without(video_body(), "source_info"), "Send source_info as a JSON object"),
        (VIDEO, video_body(title=1), "Send title as a string"),
        (VIDEO, video_body(title="é" * 2201), "title has 2201 UTF-16 code units"),
        (VIDEO, video_body(title="🎨" * 1101), "title has 2202 UTF-16 code units"),
        (VIDEO, video_body(disable_duet="no"), "Send disable_duet as true or false"),
        (VIDEO, video_body(video_cover_timestamp_ms="1"), "whole number of milliseconds"),
        (VIDEO, video_body({"source": "URL"}), "FILE_UPLOAD or PULL_FROM_URL"),
        (VIDEO, video_body({"source": "PULL_FROM_URL"}), "Send video_url as a string"),
        (VIDEO, video_body({**ONE_CHUNK, "video_size": "5"}), "Send video_size as a whole number"),
        (VIDEO, video_body({**ONE_CHUNK, "chunk_size": True}), "Send chunk_size as a whole number"),
        (PHOTOS, photo_body(media_type="VIDEO"), "Send PHOTO as media_type"),
        (PHOTOS, photo_body("DRAFT"), "DIRECT_POST or MEDIA_UPLOAD"),
        (PHOTOS, photo_body(post_info={"title": "x" * 91}), "at most 90 are allowed"),
        (PHOTOS, photo_body(post_info={"description": "x" * 4001}), "at most 4000 are allowed"),
        (PHOTOS, photo_body(source_info={"source": "FILE_UPLOAD"}), "photos cannot be uploaded"),
        (PHOTOS, photo_body(source_info={"source": "PULL_FROM_URL", "photo_images": []}), "Send 1 to 35 URLs"),
        (
            PHOTOS,
            photo_body(source_info={"source": "PULL_FROM_URL", "photo_images": ["x"] * 36}),
            "Send 1 to 35 URLs",
        ),
        (PHOTOS, photo_body(photo_cover_index=2), "Send the position of a photo"),
    ],
)
async def test_invalid_body_is_refused(
    browser: httpx2.AsyncClient, emulator: Emulator, path: str, body: Any, fix: str
) -> None:
    answer = await (await Poster.of(browser, emulator)).ask(path, body)

    assert refusal(answer) == (400, "invalid_param")
    assert fix in (emulator.exchanges[-1].fix or "")
    assert [*emulator.posts] == []


@pytest.mark.parametrize("body", [video_body(privacy_level="PRIVATE"), video_body(privacy_level="")])
async def test_unknown_privacy_level_is_refused(browser: httpx2.AsyncClient, emulator: Emulator, body: Any) -> None:
    answer = await (await Poster.of(browser, emulator)).ask(VIDEO, body)

    assert refusal(answer) == (403, "privacy_level_option_mismatch")


async def test_caption_of_exactly_the_limit_is_accepted(browser: httpx2.AsyncClient, emulator: Emulator) -> None:
    await (await Poster.of(browser, emulator)).begin(body=video_body(title="🎨" * 1100))


async def test_posts_are_shown_and_decided_in_the_inspector(clock: Clock) -> None:
    emulator = emulator_of(clock=clock)
    async with browser_of(emulator) as browser:
        poster = await Poster.of(browser, emulator)
        begun = await poster.begin()
        api = "/_emulator/api/posts"
        failed = await browser.post(api, json={"publish_id": begun["publish_id"], "outcome": "fail"})
        unknown = await browser.post(api, json={"publish_id": begun["publish_id"], "outcome": "delete"})
        again = await browser.post(api, json={"publish_id": begun["publish_id"], "outcome": "fail"})
        private = await browser.post(api, json={"publish_id": begun["publish_id"], "outcome": "remove"})
        nobody = await browser.post(api, json={"publish_id": "x", "outcome": "remove"})
        reason = {"publish_id": begun["publish_id"], "outcome": "fail", "fail_reason": "x"}
        wrong_reason = await browser.post(api, json=reason)
        shown = [(await browser.get(path)).text for path in (api, "/_emulator/", "/_emulator/api/exchanges")]
        emulator.reset()
        assert (await browser.get(api)).json() == {"posts": []}

    [post] = failed.json()["posts"]
    assert (post["status"], post["fail_reason"], post["uploaded_bytes"]) == ("FAILED", "internal", 0)
    assert "use one of publish, fail, remove" in unknown.json()["error"]
    assert "is finished" in again.json()["error"]
    assert "is unknown" in nobody.json()["error"]
    assert "is not publicly available" in private.json()["error"]
    assert "is not a fail_reason" in wrong_reason.json()["error"]
    assert all(begun["publish_id"] in text for text in shown)
    token = begun["upload_url"].rpartition("=")[2]
    assert not any(token in text for text in shown)
