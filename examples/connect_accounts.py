# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok[emulator]", "fastapi", "uvicorn"]
# ///
"""The app's own users connect TikTok accounts and post as them: `asgi-tiktok dev connect_accounts:app`, run here."""

import os
from html import escape

import httpx2
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.middleware.sessions import SessionMiddleware

from asgi_tiktok import AlreadyConnected, TikTok, TikTokAuthMiddleware, tiktok_session

POST = "<p>Post as {} <input type='file' onchange='fetch(`/posts/{}`, {{method: `POST`, body: this.files[0]}})'>"
tiktok = TikTok.from_env(scopes=["user.info.basic", "video.publish"])
app = FastAPI()
app.add_middleware(TikTokAuthMiddleware, tiktok=tiktok)
app.add_middleware(SessionMiddleware, secret_key=os.urandom(32).hex(), session_cookie="app_session")
owners: dict[str, tuple[str, str]] = {}  # user and name by open_id; a table in your database


@app.get("/")
async def home(request: Request) -> HTMLResponse:
    session, user = tiktok_session(request), request.session.get("user")
    if user is None:
        return HTMLResponse('<form method="post" action="/sign-in?user=ada"><button>Sign in as ada</button></form>')
    if account := await session.connected(user):
        if owners.get(account.open_id, (user,))[0] != user:
            raise AlreadyConnected("The account belongs to another user.")
        owners[account.open_id] = (user, account.profile.display_name or "me")
    forms = [POST.format(escape(name), open_id) for open_id, (owner, name) in owners.items() if owner == user]
    return HTMLResponse(f'{"".join(forms)}<p><a href="{escape(session.connect_url(user))}">Connect TikTok</a>')


@app.post("/sign-in")
async def sign_in(request: Request, user: str) -> Response:
    request.session["user"] = user  # your own sign-in checks a password
    return RedirectResponse("/", status_code=303)


@app.post("/posts/{open_id}")
async def post(request: Request, open_id: str) -> Response:
    if owners.get(open_id, ("",))[0] != request.session.get("user"):
        return Response(status_code=404)
    video = await request.body()  # one chunk of at most 64 MB; publish_video.py sends more
    source = {"source": "FILE_UPLOAD", "video_size": len(video), "chunk_size": len(video), "total_chunk_count": 1}
    headers = {"content-type": "video/mp4", "content-range": f"bytes 0-{len(video) - 1}/{len(video)}"}
    async with tiktok.api(open_id) as api, httpx2.AsyncClient() as uploads:  # the upload host needs no token
        body = {"post_info": {"privacy_level": "SELF_ONLY"}, "source_info": source}
        begun = (await api.post("/v2/post/publish/video/init/", json=body)).raise_for_status().json()
        sent = await uploads.put(begun["data"]["upload_url"], content=video, headers=headers)
    return Response(status_code=sent.status_code)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
