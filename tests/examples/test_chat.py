"""The chat: all may read, and who signed in may write."""

import json

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from asgi_tiktok.emulator import CAST
from tests.support.example_app import open_socket, sign_in

EXAMPLE = "websocket_chat.py"


def test_people_talk_and_strangers_listen(address: str) -> None:
    with httpx2.Client(follow_redirects=True) as stranger, httpx2.Client(follow_redirects=True) as browser:
        assert "Continue with TikTok" in stranger.get(f"{address}/").text
        assert "<form" in sign_in(browser, address, person=CAST[1]).text
        with open_socket(stranger, address, "/chat") as listening, open_socket(browser, address, "/chat") as talking:
            listening.send("spam")
            talking.send("Good morning")
            line = {"name": CAST[1].display_name, "text": "Good morning"}
            assert json.loads(listening.recv(timeout=5)) == json.loads(talking.recv(timeout=5)) == line


def test_a_page_of_another_site_hears_nothing(address: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        connect(
            f"ws{address.removeprefix('http')}/chat", additional_headers={"origin": "https://evil.test"}, proxy=None
        )
