# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "uvicorn[standard]"]
# ///
"""A chat over WebSocket. Anyone can read; users who signed in with TikTok can write.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/websocket_chat.py` and open http://localhost:8000.
"""

import os
from contextlib import suppress

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from asgi_tiktok import TikTokAuthMiddleware, tiktok_button

PAGE = """<!doctype html><meta charset="utf-8"><title>Chat</title>
<ul id="lines"></ul> %s
<script>
const chat = new WebSocket(location.origin.replace("http", "ws") + "/chat")
chat.onmessage = (message) => {
  const { name, text } = JSON.parse(message.data)
  lines.append(Object.assign(document.createElement("li"), { textContent: `${name}: ${text}` }))
}
</script>"""
FORM = '<form onsubmit="chat.send(line.value); reset(); return false"><input id="line" autofocus></form>'

readers: set[WebSocket] = set()


async def home(request: Request) -> Response:
    return HTMLResponse(PAGE % (FORM if request.user.is_authenticated else tiktok_button(request, next="/")))


async def chat(websocket: WebSocket) -> None:
    await websocket.accept()
    readers.add(websocket)
    try:
        async for text in websocket.iter_text():
            if websocket.user.is_authenticated:
                for reader in list(readers):
                    with suppress(WebSocketDisconnect):
                        await reader.send_json({"name": websocket.user.display_name, "text": text[:500]})
    finally:
        readers.discard(websocket)


routes = [Route("/", home), WebSocketRoute("/chat", chat)]
app = Starlette(routes=routes, middleware=[Middleware(TikTokAuthMiddleware)])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
