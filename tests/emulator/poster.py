"""An app that posts for one person, with requests written by hand."""

from typing import Any

import httpx2

from asgi_tiktok.emulator import Emulator, Person

from .wire import sign_in

SCOPES = "user.info.basic,video.upload,video.publish"
VIDEO = "/v2/post/publish/video/init/"
DRAFT = "/v2/post/publish/inbox/video/init/"
PHOTOS = "/v2/post/publish/content/init/"
CREATOR = "/v2/post/publish/creator_info/query/"
STATUS = "/v2/post/publish/status/fetch/"
CANCEL = "/v2/post/publish/cancel/"
ONE_CHUNK = {"source": "FILE_UPLOAD", "video_size": 5, "chunk_size": 5, "total_chunk_count": 1}


def video_body(source_info: dict[str, Any] = ONE_CHUNK, **post_info: Any) -> dict[str, Any]:
    return {"post_info": {"title": "Bowls", "privacy_level": "SELF_ONLY", **post_info}, "source_info": source_info}


def photo_body(post_mode: str = "DIRECT_POST", *, photo_cover_index: Any = 0, **changes: Any) -> dict[str, Any]:
    images = ["https://media.example.com/1.jpg", "https://media.example.com/2.webp"]
    source_info = {"source": "PULL_FROM_URL", "photo_images": images, "photo_cover_index": photo_cover_index}
    post_info = {"title": "Bowls", "privacy_level": "SELF_ONLY"}
    return {
        "media_type": "PHOTO",
        "post_mode": post_mode,
        "post_info": post_info,
        "source_info": source_info,
        **changes,
    }


class Poster:
    """The app's requests with the access token of one person."""

    def __init__(self, browser: httpx2.AsyncClient, access_token: str) -> None:
        self.browser = browser
        self.headers = {"Authorization": f"Bearer {access_token}"}

    @classmethod
    async def of(
        cls, browser: httpx2.AsyncClient, emulator: Emulator, person: Person | None = None, scope: str = SCOPES
    ) -> "Poster":
        tokens = await sign_in(browser, emulator, person.open_id if person else None, scope=scope)
        return cls(browser, tokens["access_token"])

    async def ask(self, path: str, body: Any = None) -> httpx2.Response:
        return await self.browser.post(path, headers=self.headers, json={} if body is None else body)

    async def begin(self, path: str = VIDEO, body: Any = None) -> dict[str, str]:
        """Begin a post and return its publish_id and its upload_url."""
        response = await self.ask(path, body or video_body())
        assert response.json()["error"]["code"] == "ok", response.text
        data: dict[str, str] = response.json()["data"]
        return data

    async def upload(self, begun: dict[str, str], content: bytes = b"video", **changes: str) -> httpx2.Response:
        """Send the whole video in one chunk, with these headers changed. `_` in their names means `-`."""
        headers = {"content-type": "video/mp4", "content-range": f"bytes 0-{len(content) - 1}/{len(content)}"}
        headers |= {name.replace("_", "-"): value for name, value in changes.items()}
        return await self.browser.put(begun["upload_url"], content=content, headers=headers)

    async def status(self, begun: dict[str, str]) -> dict[str, Any]:
        response = await self.ask(STATUS, {"publish_id": begun["publish_id"]})
        assert response.status_code == 200, response.text
        data: dict[str, Any] = response.json()["data"]
        return data


def refusal(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]
