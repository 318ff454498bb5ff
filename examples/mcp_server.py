# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "mcp>=2", "uvicorn"]
# ///
"""An MCP server whose tools act for the user who signed in with TikTok in this browser.

It serves clients that send the session cookie, for example an assistant in a page of this site. It does not support
MCP's own authorization, which is OAuth with bearer tokens.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal, set the variables that it prints and
TIKTOK_SCOPES=user.info.basic,video.list, run `python examples/mcp_server.py`, and open http://localhost:8000.
"""

import os
from html import escape
from typing import Annotated, Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Resolve
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from asgi_tiktok import TikTokAuthMiddleware, TikTokSession, tiktok_button, tiktok_session

mcp = MCPServer("tiktok")


def caller(context: Context) -> TikTokSession:
    request: Any = context.request_context.request
    return tiktok_session(request)


@mcp.tool()
async def whoami(session: Annotated[TikTokSession, Resolve(caller)]) -> str:
    """Return the name of the signed-in TikTok user."""
    return session.require().display_name or ""


@mcp.tool()
async def my_videos(session: Annotated[TikTokSession, Resolve(caller)]) -> list[dict[str, Any]]:
    """Return the newest videos of the signed-in TikTok user."""
    session.require("video.list")
    async with session.api() as api:
        answer = await api.post("/v2/video/list/?fields=id,title,view_count", json={"max_count": 20})
    return list(answer.raise_for_status().json()["data"]["videos"])


@mcp.custom_route("/", methods=["GET"])
async def home(request: Request) -> Response:
    if not request.user.is_authenticated:
        return HTMLResponse(tiktok_button(request, next="/"))
    sign_out = f'<a href="{escape(tiktok_session(request).logout_url(next="/"))}">Sign out</a>'
    return HTMLResponse(f"Hello {escape(request.user.display_name or 'you')} {sign_out}")


app = TikTokAuthMiddleware(mcp.streamable_http_app(stateless_http=True), protect=("/mcp",))

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
