"""Callback requests with a query that an attacker wrote."""

from urllib.parse import parse_qs, quote, urlsplit

from tests.support.browser import Browser
from tests.support.requests import RawResponse, send_request
from tests.support.settings import CALLBACK


def callback_parts(callback_url: str) -> dict[str, str]:
    """Return the code and the state of a callback URL, and forged variants of the state by name."""
    parameters = parse_qs(urlsplit(callback_url).query)
    state = parameters["state"][0]
    return {
        "code": quote(parameters["code"][0]),
        "state": state,
        "cut": state[:-1],
        "swapped": state.swapcase(),
        "lookalike": quote(chr(ord(state[0]) + 0xFEE0) + state[1:]),
        "encoded": "".join(f"%{ord(char):02x}" for char in state),
    }


async def send_callback(browser: Browser, query: str | bytes) -> RawResponse:
    """Send the callback with exactly this query, even if no browser could send it."""
    query = query.encode() if isinstance(query, str) else query
    cookie = browser.jar.cookie_header(browser.home.join(CALLBACK))
    headers = [("cookie", cookie), ("sec-fetch-mode", "navigate"), ("sec-fetch-site", "cross-site")]
    return await send_request(browser.app, "GET", CALLBACK, query=query, headers=headers)
