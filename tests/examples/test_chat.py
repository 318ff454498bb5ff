"""The chat: anyone can read, and signed-in users can write."""

import json

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from asgi_tiktok.emulator import CAST
from tests.support.example_app import open_browser, open_socket, sign_in
from tests.support.waiting import TIMEOUT

EXAMPLE = "websocket_chat.py"


def test_only_signed_in_users_can_write(address: str) -> None:
    with open_browser() as visitor, open_browser() as browser:
        assert "Continue with TikTok" in visitor.get(f"{address}/").text
        assert "<form" in sign_in(browser, address, person=CAST[1]).text
        with open_socket(visitor, address, "/chat") as anonymous, open_socket(browser, address, "/chat") as signed_in:
            anonymous.send("spam")
            signed_in.send("Good morning")
            line = {"name": CAST[1].display_name, "text": "Good morning"}
            assert json.loads(anonymous.recv(timeout=TIMEOUT)) == json.loads(signed_in.recv(timeout=TIMEOUT)) == line


def test_websocket_of_another_origin_is_refused(address: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        connect(
            f"ws{address.removeprefix('http')}/chat", additional_headers={"origin": "https://evil.test"}, proxy=None
        )
