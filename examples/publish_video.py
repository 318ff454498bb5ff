# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok[emulator]", "fastapi", "uvicorn"]
# ///
"""A studio that posts a video. `asgi-tiktok dev publish_video:app`, run in this folder, needs no TikTok app."""

import os
from pathlib import Path
from typing import Any, Literal

import httpx2
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from asgi_tiktok import TikTok, TikTokAuthMiddleware, WebhookEvent, tiktok_button, tiktok_session

Call = Literal["creator_info/query", "video/init", "status/fetch"]
PAGE = Path(__file__).with_suffix(".html").read_text()
tiktok = TikTok.from_env(scopes=["user.info.basic", "video.publish"])
app = FastAPI()
app.add_middleware(TikTokAuthMiddleware, tiktok=tiktok, protect=("/posts", "/chunks"))
upload_urls: dict[tuple[str, str], str] = {}  # by open_id and publish_id
events: dict[str, str] = {}  # the last webhook of each post


@app.get("/")
async def home(request: Request) -> HTMLResponse:
    return HTMLResponse(PAGE if request.user.is_authenticated else tiktok_button(request, next="/"))


@app.post("/posts/{path:path}")
async def ask_tiktok(request: Request, path: Call, body: dict[str, Any]) -> dict[str, Any]:
    async with tiktok_session(request).api() as api:
        answer = (await api.post(f"/v2/post/publish/{path}/", json=body)).json()
    if (code := answer["error"]["code"]) != "ok":
        raise HTTPException(409, f"TikTok refused this: {code}")
    if upload_url := answer["data"].pop("upload_url", None):
        upload_urls[request.user.open_id, answer["data"]["publish_id"]] = upload_url
    return {**answer["data"], "event": events.get(str(body.get("publish_id")))}


@app.put("/chunks/{publish_id}")
async def upload_chunk(request: Request, publish_id: str) -> Response:
    if (upload_url := upload_urls.get((request.user.open_id, publish_id))) is None:
        raise HTTPException(404)
    headers = {name: request.headers.get(name, "") for name in ("content-type", "content-range")}
    async with httpx2.AsyncClient(timeout=60) as client:  # without the user's token, because the URL has its own
        answer = await client.put(upload_url, content=await request.body(), headers=headers)
    return Response(status_code=answer.status_code)


@tiktok.on_event
async def remember(event: WebhookEvent) -> None:
    events[event.content.get("publish_id", "")] = event.event


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
