"""Strawberry: permissions of GraphQL over HTTP and WebSocket."""

import json
from typing import Any

import httpx2

from tests.support.example_app import NAME, assert_signs_in_and_out, open_browser, open_socket, sign_in

EXAMPLE = "strawberry_graphql.py"


def query_me(browser: httpx2.Client, address: str) -> Any:
    return browser.post(f"{address}/graphql", json={"query": "{ me }"}).json()


def count_down(browser: httpx2.Client, address: str) -> list[dict[str, Any]]:
    """Return all messages of a subscription."""
    with open_socket(browser, address, "/graphql", "graphql-transport-ws") as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv())["type"] == "connection_ack"
        query = {"query": "subscription { countdown(start: 2) }"}
        socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": query}))
        messages: list[dict[str, Any]] = []
        while not messages or messages[-1]["type"] == "next":
            messages.append(json.loads(socket.recv()))
    return messages


def test_user_signs_in_and_out(address: str) -> None:
    assert_signs_in_and_out(address)


def test_query_has_the_user(address: str) -> None:
    with open_browser() as browser:
        assert query_me(browser, address)["errors"][0]["message"] == "Please sign in with TikTok."
        sign_in(browser, address)
        assert query_me(browser, address) == {"data": {"me": NAME}}


def test_subscription_has_the_user(address: str) -> None:
    with open_browser() as browser:
        (refusal,) = count_down(browser, address)
        assert refusal["type"] == "error"
        sign_in(browser, address)
        *counted, end = count_down(browser, address)

    assert [message["payload"]["data"]["countdown"] for message in counted] == [f"2, {NAME}", f"1, {NAME}"]
    assert end["type"] == "complete"
