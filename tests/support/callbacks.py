"""Callbacks as an attacker writes them."""

from urllib.parse import parse_qs, quote, urlsplit

from tests.support.browser import Browser
from tests.support.requests import Answer, ask
from tests.support.settings import CALLBACK


def parts(back: str) -> dict[str, str]:
    """Code and state of an address that TikTok leads back to, and what an attacker makes of the state."""
    real = parse_qs(urlsplit(back).query)
    state = real["state"][0]
    return {
        "code": quote(real["code"][0]),
        "state": state,
        "cut": state[:-1],
        "swapped": state.swapcase(),
        "lookalike": quote(chr(ord(state[0]) + 0xFEE0) + state[1:]),
        "spelt": "".join(f"%{ord(char):02x}" for char in state),
    }


async def bring(browser: Browser, query: str | bytes) -> Answer:
    """The callback with exactly this query, even where no browser would send it."""
    query = query.encode() if isinstance(query, str) else query
    cookie = browser.jar.header(browser.home.join(CALLBACK))
    headers = [("cookie", cookie), ("sec-fetch-mode", "navigate"), ("sec-fetch-site", "cross-site")]
    return await ask(browser.app, "GET", CALLBACK, query=query, headers=headers)
