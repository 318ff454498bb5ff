# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "fastapi", "uvicorn"]
# ///
"""A single-page app and its API, without a JavaScript framework.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/spa.py` and open http://localhost:8000.
"""

import os

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from asgi_tiktok import TikTok, TikTokAuthMiddleware, tiktok_session
from asgi_tiktok.fastapi import requires_scope

PAGE = """<!doctype html><meta charset="utf-8"><title>My videos</title>
<p id="who"></p> <button id="show">Show my videos</button> <ul id="videos"></ul>
<script type="module">
async function api(path) {
  const answer = await fetch(path)
  if (answer.status !== 401 && answer.status !== 403) return answer.json()
  const login = new URL((await answer.json()).login_url, location)  // signs in, or requests the scope
  login.searchParams.set("next", location.pathname)  // back to this page, not to the API
  location.assign(login)
  return new Promise(() => {})  // never resolves, because the browser leaves the page
}

const { user } = await (await fetch("/auth/tiktok/session")).json()
if (user) {
  who.innerHTML = "Hello <b></b> <button>Sign out</button>"
  who.querySelector("b").textContent = user.display_name
  who.querySelector("button").onclick = async () => {
    await fetch("/auth/tiktok/logout", { method: "POST" })
    location.reload()
  }
} else who.innerHTML = '<a href="/auth/tiktok/login?next=/">Continue with TikTok</a>'

show.onclick = async () => {
  const item = (title) => Object.assign(document.createElement("li"), { textContent: title })
  videos.replaceChildren(...(await api("/api/videos")).map(item))
}
</script>"""
app = FastAPI()
app.add_middleware(TikTokAuthMiddleware, tiktok=TikTok.from_env(optional_scopes=["video.list"]))
app.get("/", response_class=HTMLResponse)(lambda: PAGE)


@app.get("/api/videos", dependencies=[requires_scope("video.list")])
async def videos(request: Request) -> list[str]:
    async with tiktok_session(request).api() as api:
        answer = await api.post("/v2/video/list/?fields=id,title", json={"max_count": 20})
    return [video["title"] for video in answer.raise_for_status().json()["data"]["videos"]]


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
