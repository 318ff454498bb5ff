# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok"]
# ///
"""Read the videos of every user who has signed in, without a request: a job that cron can run once a day.

Set the same variables as for your app, including TIKTOK_STORE, and run `python examples/background_job.py`.
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
        return "skipped, the user must sign in again"
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
            print(f"{token.open_id}: must sign in again by {last_day:%d %B %Y}")
    finally:
        await tiktok.aclose()


if __name__ == "__main__":
    asyncio.run(main())
