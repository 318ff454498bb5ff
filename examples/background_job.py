# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok"]
# ///
"""Look at the videos of everybody who has signed in, with no request in sight: from cron, say, once a day.

Give it the environment of your app, TIKTOK_STORE included, then `python examples/background_job.py`.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx2

from asgi_tiktok import LoginRequired, TikTok, TikTokError, Token

FORTNIGHT = 14 * 24 * 60 * 60  # seconds


async def list_videos(tiktok: TikTok, open_id: str) -> list[dict[str, Any]]:
    videos: list[dict[str, Any]] = []
    page, more = {"max_count": 20}, True
    async with tiktok.api(open_id) as api:
        while more:
            answer = await api.post("/v2/video/list/", params={"fields": "id,title,view_count"}, json=page)
            data = answer.raise_for_status().json()["data"]
            videos += data["videos"]
            page["cursor"], more = data["cursor"], data["has_more"]
    return videos


async def report(tiktok: TikTok, token: Token) -> str:
    if "video.list" not in token.scopes:
        return "skipped, video.list was not granted"
    try:
        videos = await list_videos(tiktok, token.open_id)
    except LoginRequired:
        return "skipped, only a new sign-in helps"
    except (TikTokError, httpx2.HTTPError) as error:
        return f"skipped until the next run: {error}"
    return f"{len(videos)} videos, {sum(video['view_count'] for video in videos):,} views"


async def main() -> None:
    tiktok = TikTok.from_env()
    try:
        async for token in tiktok.stored_tokens():
            print(f"{token.open_id}: {await report(tiktok, token)}")
        async for token in tiktok.stored_tokens(ending_within=FORTNIGHT):
            last_day = datetime.fromtimestamp(token.refresh_expires_at or 0, UTC)
            print(f"{token.open_id}: has to sign in again by {last_day:%d %B %Y}")
    finally:
        await tiktok.aclose()


if __name__ == "__main__":
    asyncio.run(main())
