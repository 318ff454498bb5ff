"""The tabs of the inspector: what each one shows."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from itertools import islice
from typing import Any

from starlette.requests import Request

from asgi_tiktok.emulator.endpoints.webhooks import EVENTS
from asgi_tiktok.emulator.inspector.curl import has_curl_command
from asgi_tiktok.emulator.inspector.serialization import (
    serialize_delivery,
    serialize_exchange,
    serialize_post,
    serialize_token,
)
from asgi_tiktok.emulator.state import State
from asgi_tiktok.emulator.world.exchanges import Exchange
from asgi_tiktok.emulator.world.faults import ENDPOINTS, KINDS
from asgi_tiktok.emulator.world.grants import Grant, Reason
from asgi_tiktok.emulator.world.knobs import Knobs
from asgi_tiktok.emulator.world.posting_errors import FAIL_REASONS

__all__ = ["PATH", "TABS", "tab_context"]

PATH = "/_emulator/"
TABS = {
    "requests": PATH,
    "grants": f"{PATH}grants",
    "posts": f"{PATH}posts",
    "webhooks": f"{PATH}webhooks",
    "controls": f"{PATH}controls",
    "setup": f"{PATH}setup",
}
MAX_REQUESTS = 60
MAX_TOKENS = 6
MAX_FOLDED_TOKENS = 30
MOVES = ((300, "+5 min"), (7200, "+2 h"), (86400, "+1 day"), (180 * 86400, "+180 days"))
# Parameters that distinguish requests to the same endpoint.
HINTS = ("grant_type", "fields", "scope", "publish_id", "content-range")


def tab_context(tab: str, state: State, request: Request) -> dict[str, Any]:
    """Return the values for the template of a tab."""
    contexts: Mapping[str, Callable[[], dict[str, Any]]] = {
        "requests": lambda: requests_context(state, request),
        "grants": lambda: grants_context(state),
        "posts": lambda: {
            "posts": [serialize_post(post, state.clock()) for post in reversed([*state.posts])],
            "fail_reasons": FAIL_REASONS,
        },
        "webhooks": lambda: {
            "deliveries": [serialize_delivery(delivery) for delivery in reversed([*state.webhooks.deliveries])],
            "events": [*EVENTS],
            "apps_with_webhook": [app for app in state.apps.values() if app.webhook_url],
        },
        "controls": lambda: {"endpoints": [*ENDPOINTS], "kinds": KINDS, "moves": MOVES},
        "setup": lambda: {"changed_knobs": changed_knobs(state.knobs)},
    }
    return contexts[tab]()


def requests_context(state: State, request: Request) -> dict[str, Any]:
    words = request.query_params.get("q", "").lower().split()
    only_refused = "refused" in request.query_params
    found = [
        exchange
        for exchange in reversed([*state.exchanges])
        if (exchange.fix or not only_refused) and contains_all(exchange, words)
    ]
    return {
        "exchanges": [exchange_context(exchange) for exchange in found[:MAX_REQUESTS]],
        "found": len(found),
        "q": request.query_params.get("q", ""),
        "only_refused": only_refused,
    }


def exchange_context(exchange: Exchange) -> dict[str, Any]:
    shown = serialize_exchange(exchange)
    return {
        **shown,
        "hint": next((shown["request"][name] for name in HINTS if shown["request"].get(name)), ""),
        "answer": indented(shown["answer"]),
        "has_curl_command": has_curl_command(exchange),
    }


def contains_all(exchange: Exchange, words: list[str]) -> bool:
    """Return whether the request or the response contains each word. Secrets are searched in full."""
    values = (
        *(exchange.endpoint, exchange.method, exchange.path, str(exchange.status), exchange.log_id),
        *(exchange.error, exchange.description, exchange.fix, exchange.fault, exchange.authorization),
        *(f"{name}={value}" for name, value in exchange.request.items()),
        exchange.answer,
    )
    text = "\n".join(filter(None, values)).lower()
    return all(word in text for word in words)


def indented(answer: str) -> str:
    """Return JSON with line breaks, and any other text unchanged."""
    try:
        return json.dumps(json.loads(answer), indent=2, ensure_ascii=False)
    except ValueError:
        return answer


def grants_context(state: State) -> dict[str, Any]:
    active = [grant_context(state, grant) for grant in reversed([*state.grants.grants.values()])]
    return {
        "grants": active,
        "ended": [*reversed([*state.grants.ended])],
        "reasons": {each.value: each.name.lower().replace("_", " ") for each in Reason},
    }


def grant_context(state: State, grant: Grant) -> dict[str, Any]:
    """Return a grant and its tokens, the newest first. Old ones are folded away."""
    valid = [serialize_token(value, issued) for value, issued in state.grants.active_tokens(grant)]
    valid.sort(key=lambda token: token["issued_at"], reverse=True)
    expired = reversed([*state.grants.expired_tokens(grant)])
    return {
        "grant": grant,
        "scopes": sorted(grant.scopes),
        "tokens": valid[:MAX_TOKENS],
        "older": valid[MAX_TOKENS : MAX_TOKENS + MAX_FOLDED_TOKENS],
        "expired": [serialize_token(value, issued) for value, issued in islice(expired, MAX_FOLDED_TOKENS)],
    }


def changed_knobs(knobs: Knobs) -> dict[str, object]:
    return {
        field.name: getattr(knobs, field.name)
        for field in fields(knobs)
        if getattr(knobs, field.name) != field.default
    }
