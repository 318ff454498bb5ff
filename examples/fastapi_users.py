# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "fastapi", "uvicorn"]
# ///
"""Your own users table in FastAPI. TikTok sends no e-mail address; the open_id identifies a user.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/fastapi_users.py` and open http://localhost:8000.
"""

import os
import sqlite3
from html import escape

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from asgi_tiktok import TikTok, TikTokAuthMiddleware, TikTokUser, tiktok_button, tiktok_session
from asgi_tiktok.fastapi import CurrentUser, OptionalUser

tiktok = TikTok.from_env()
app = FastAPI(title="A users table")
app.add_middleware(TikTokAuthMiddleware, tiktok=tiktok)

database = sqlite3.connect("users.sqlite3", isolation_level=None)
database.execute("CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, open_id TEXT UNIQUE NOT NULL, name TEXT)")


@tiktok.on_login
async def find_or_create(user: TikTokUser, request: Request) -> dict[str, int]:
    # One statement, because a user may sign in with two browsers at once. Names change, so the last one is stored.
    upsert = (
        "INSERT INTO users (open_id, name) VALUES (?, ?) ON CONFLICT DO UPDATE SET name = excluded.name RETURNING id"
    )
    ((user_id,),) = database.execute(upsert, (user.open_id, user.display_name)).fetchall()
    return {"user_id": user_id}


@app.get("/", response_class=HTMLResponse)
async def home(user: OptionalUser, request: Request) -> str:
    if not user.is_authenticated:
        return tiktok_button(request, next="/")
    logout_url = escape(tiktok_session(request).logout_url(next="/"))
    sign_out = f'<form method="post" action="{logout_url}"><button>Sign out</button></form>'
    return f"<p>Hello {escape(user.display_name or 'you')}</p>{sign_out}"


@app.get("/me")
async def me(user: CurrentUser, request: Request) -> dict[str, str | int | None]:
    return {"id": tiktok_session(request).data["user_id"], "name": user.display_name}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
