"""The control API: an HTTP API for tests in any language.

Requests and responses are JSON under `/_emulator/api/`. A POST must have `Content-Type: application/json`. An error
has status 400 and the body `{"error": "one sentence that says what to do"}`. Tokens and secrets are shortened.

| Request          | Body; `?` marks optional values                | Response                          |
|------------------|------------------------------------------------|-----------------------------------|
| GET /            |                                                | clock, apps, knobs, known names   |
| GET /people      |                                                | people                            |
| GET /grants      |                                                | grants with their valid tokens    |
| GET /exchanges   | query `?after=log_id`: only later ones         | exchanges, oldest first           |
| GET /faults      |                                                | faults that are still active      |
| GET /posts       |                                                | posts and their status            |
| GET /deliveries  |                                                | webhooks and their attempts       |
| POST /consent    | authorization_url, person?, scopes?, decision? | location: the URL back to the app |
| POST /faults     | endpoint, kind, times?, seconds?, status?, retry_after?, size? | the fault         |
| DELETE /faults   |                                                | faults, none                      |
| POST /clock      | move: seconds                                  | now, offset                       |
| POST /revoke     | open_id, client_key?, reason? (0 to 5)         | grants                            |
| POST /expire     | token: value or id; or open_id, client_key?    | expired: how many                 |
| POST /webhook    | event, client_key?, open_id?, content?         | the delivery                      |
| POST /posts      | publish_id, outcome: publish, fail or remove, fail_reason?     | posts             |
| POST /reset      |                                                | as GET /                          |
"""

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asgi_tiktok.emulator.endpoints.origin import is_same_origin
from asgi_tiktok.emulator.endpoints.webhooks import EVENTS
from asgi_tiktok.emulator.inspector.actions import Actions, Values
from asgi_tiktok.emulator.inspector.serialization import (
    serialize_delivery,
    serialize_exchange,
    serialize_fault,
    serialize_grants,
    serialize_person,
    serialize_post,
)
from asgi_tiktok.emulator.state import State
from asgi_tiktok.emulator.world.errors import ConsentRefused
from asgi_tiktok.emulator.world.faults import ENDPOINTS, KINDS

__all__ = ["ControlAPI"]

PREFIX = "/_emulator/api"
JSON = "application/json"
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Write = Callable[[Values], dict[str, Any]]


class ControlAPI:
    """The HTTP API. Pages of other sites can neither read it nor send to it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._actions = Actions(state)

    def routes(self) -> list[Route]:
        reads = {
            "/": self._overview,
            "/people": lambda request: {
                "people": [serialize_person(person) for person in self._state.people.values()]
            },
            "/grants": lambda request: self._grants(),
            "/exchanges": self._exchanges,
            "/faults": lambda request: self._faults(),
            "/posts": lambda request: self._posts(),
            "/deliveries": lambda request: {
                "deliveries": [*map(serialize_delivery, [*self._state.webhooks.deliveries])]
            },
        }
        writes: dict[tuple[str, str], Write] = {
            ("POST", "/consent"): lambda values: {"location": self._actions.consent(values)},
            ("POST", "/faults"): lambda values: serialize_fault(self._actions.add_fault(values)),
            ("DELETE", "/faults"): self._clear_faults,
            ("POST", "/clock"): self._move_clock,
            ("POST", "/revoke"): self._revoke,
            ("POST", "/expire"): lambda values: {"expired": self._actions.expire(values)},
            ("POST", "/webhook"): lambda values: serialize_delivery(self._actions.send_webhook(values)),
            ("POST", "/posts"): self._decide_post,
            ("POST", "/reset"): self._reset,
        }
        return [
            *(Route(PREFIX + path, read_endpoint(read), methods=["GET"]) for path, read in reads.items()),
            *(
                Route(PREFIX + path, write_endpoint(write), methods=[method])
                for (method, path), write in writes.items()
            ),
        ]

    def _overview(self, request: Request | None = None) -> dict[str, Any]:
        knobs = {field.name: getattr(self._state.knobs, field.name) for field in fields(self._state.knobs)}
        limit = knobs["partial_grant"]
        return {
            **self._clock(),
            "apps": [
                {
                    "client_key": app.client_key,
                    "name": app.name,
                    "redirect_uris": app.redirect_uris,
                    "native_redirect_uris": app.native_redirect_uris,
                    "scopes": app.scopes,
                    "webhook_url": app.webhook_url,
                    "url_properties": app.url_properties,
                }
                for app in self._state.apps.values()
            ],
            "knobs": {**knobs, "partial_grant": None if limit is None else sorted(limit)},
            "endpoints": [*ENDPOINTS],
            "fault_kinds": KINDS,
            "events": [*EVENTS],
        }

    def _exchanges(self, request: Request) -> dict[str, Any]:
        exchanges = [*self._state.exchanges]
        after = request.query_params.get("after")
        positions = [position for position, exchange in enumerate(exchanges, 1) if exchange.log_id == after]
        return {
            "exchanges": [serialize_exchange(exchange) for exchange in exchanges[positions[0] if positions else 0 :]]
        }

    def _clock(self) -> dict[str, Any]:
        return {"now": self._state.clock(), "offset": self._state.clock.offset}

    def _grants(self) -> dict[str, Any]:
        return {"grants": [*serialize_grants(self._state.grants)]}

    def _faults(self) -> dict[str, Any]:
        return {"faults": [serialize_fault(fault) for fault in self._state.faults]}

    def _clear_faults(self, values: Values) -> dict[str, Any]:
        self._state.faults.clear()
        return self._faults()

    def _move_clock(self, values: Values) -> dict[str, Any]:
        self._actions.move_clock(values)
        return self._clock()

    def _revoke(self, values: Values) -> dict[str, Any]:
        self._actions.revoke(values)
        return self._grants()

    def _posts(self) -> dict[str, Any]:
        now = self._state.clock()
        return {"posts": [serialize_post(post, now) for post in self._state.posts]}

    def _decide_post(self, values: Values) -> dict[str, Any]:
        self._actions.decide_post(values)
        return self._posts()

    def _reset(self, values: Values) -> dict[str, Any]:
        self._state.reset()
        return self._overview()


Endpoint = Callable[[Request], Any]


def read_endpoint(read: Callable[[Request], dict[str, Any]]) -> Endpoint:
    async def answer(request: Request) -> Response:
        return as_json(read(request))

    return answer


def write_endpoint(write: Write) -> Endpoint:
    async def answer(request: Request) -> Response:
        if not is_same_origin(request):
            return as_json({"error": "Requests from other sites' pages are refused."}, 403)
        # Any page may send a form or text/plain. Before this type, a browser sends a preflight, which is refused.
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method == "POST" and content_type != JSON:
            return as_json({"error": f"Send Content-Type: {JSON}."}, 400)
        try:
            return as_json(write(parse_body(await request.body())))
        except ConsentRefused as refused:
            return as_json({"error": refused.fix, "refused": refused.parameters}, 400)
        except ValueError as exc:
            return as_json({"error": str(exc)}, 400)

    return answer


def parse_body(body: bytes) -> Values:
    """Return the JSON object in a body. An empty body is an empty object."""
    try:
        values = json.loads(body or b"{}")
    except (ValueError, RecursionError) as exc:
        raise ValueError("The body is not JSON; send a JSON object.") from exc
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError as exc:
        raise ValueError("The body contains an unpaired surrogate; send valid Unicode.") from exc
    if not isinstance(values, dict):
        raise ValueError("The body is not a JSON object; send {}.")
    return values


def as_json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, headers=HEADERS, media_type=JSON)
