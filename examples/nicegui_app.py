# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "nicegui>=3", "uvicorn"]
# ///
"""Sign in with TikTok in NiceGUI. A page and its event handlers have the signed-in user.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/nicegui_app.py` and open http://localhost:8000.
"""

import os

import uvicorn
from fastapi import FastAPI, Request
from nicegui import ui

from asgi_tiktok import TikTokAuthMiddleware, tiktok_button, tiktok_session


@ui.page("/")
def home(request: Request) -> None:
    session = tiktok_session(request)
    if not session.user.is_authenticated:
        ui.html(tiktok_button(request, next="/"), sanitize=False)
        return
    name = session.user.display_name or "you"
    ui.label(f"Hello {name}")
    ui.button("Wave", on_click=lambda: ui.notify(f"{name} waves"))
    ui.link("Your studio", "/studio")
    with ui.element("form").props(f'method="post" action="{session.logout_url(next="/")}"'):
        ui.button("Sign out").props("type=submit")


@ui.page("/studio")
def studio(request: Request) -> None:
    ui.label(f"The studio of {tiktok_session(request).require().display_name}")


app = FastAPI()
app.add_middleware(TikTokAuthMiddleware, protect=("/studio",))
ui.run_with(app)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
