"""The MCP server, called by MCP's own client with the cookie of a signed-in user."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import TextContent

from asgi_tiktok.emulator import CAST, Person
from tests.support.example_app import assert_requires_sign_in, assert_signs_in_and_out, open_browser, sign_in

EXAMPLE = "mcp_server.py"
ENVIRON = {"TIKTOK_SCOPES": "user.info.basic,video.list"}


def test_user_signs_in_and_out(address: str) -> None:
    assert_signs_in_and_out(address)
    assert_requires_sign_in(address, "/mcp")


@asynccontextmanager
async def calling(address: str, person: Person) -> AsyncIterator[Client]:
    """Yield an MCP client that has the session cookie of the person's browser."""
    with open_browser() as browser:
        sign_in(browser, address, person=person)
        cookies = dict(browser.cookies)
    async with (
        httpx2.AsyncClient(cookies=cookies) as http,
        Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client,
    ):
        yield client


@pytest.mark.anyio
async def test_tools_have_the_user(address: str) -> None:
    async with calling(address, CAST[0]) as one, calling(address, CAST[2]) as other:
        for client, person in [(one, CAST[0]), (other, CAST[2]), (one, CAST[0])]:
            response = await client.call_tool("whoami")
            assert response.content == [TextContent(type="text", text=person.display_name)]


@pytest.mark.anyio
async def test_tools_call_the_api_for_the_user(address: str) -> None:
    async with calling(address, CAST[0]) as client:
        response = await client.call_tool("my_videos")

    assert response.structured_content is not None
    videos = response.structured_content["result"]
    assert len(videos) == 20
    assert {"id", "title", "view_count"} <= videos[0].keys()


@pytest.mark.anyio
async def test_client_without_the_cookie_is_refused(address: str) -> None:
    with pytest.RaisesGroup(MCPError, flatten_subgroups=True):
        async with Client(f"{address}/mcp"):
            pass
