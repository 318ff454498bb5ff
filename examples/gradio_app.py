# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "gradio", "uvicorn"]
# ///
"""Sign in with TikTok to use a Gradio app, which is mounted in FastAPI and has the signed-in user.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/gradio_app.py` and open http://localhost:8000.
"""

import os
from html import escape

import gradio
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from asgi_tiktok import TikTokAuthMiddleware, tiktok_button, tiktok_session


def name(request: gradio.Request) -> str:
    return request.user.display_name or "a user without a name"


def caption(idea: str, request: gradio.Request) -> str:
    return f"{idea.strip().capitalize()}, by {name(request)}"


with gradio.Blocks(title="Captions") as captions:
    author = gradio.Textbox(label="You are", interactive=False)
    captions.load(name, outputs=author)
    gradio.Interface(caption, gradio.Textbox(label="Idea"), gradio.Textbox(label="Caption"), flagging_mode="never")

fastapi = FastAPI()


@fastapi.get("/")
async def home(request: Request) -> HTMLResponse:
    session = tiktok_session(request)
    if not session.user.is_authenticated:
        return HTMLResponse(tiktok_button(request, next="/captions"))
    return HTMLResponse(
        f"<p>Hello {escape(session.user.display_name or 'you')}</p><p><a href='/captions'>Write captions</a></p>"
        f'<form method="post" action="{escape(session.logout_url(next="/"))}"><button>Sign out</button></form>'
    )


app = TikTokAuthMiddleware(gradio.mount_gradio_app(fastapi, captions, path="/captions"), protect=("/captions",))

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
