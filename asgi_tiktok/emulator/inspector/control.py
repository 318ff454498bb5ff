"""The emulator as an HTTP API, so that tests in any language can look at it and move it.

Everything is JSON under `/_emulator/api/`; a POST says `Content-Type: application/json`. What cannot be done is
answered with status 400 and `{"error": "one sentence with the cure"}`. Tokens and secrets are shortened.

| Request          | Body; `?` marks what may be left out           | Answer                            |
|------------------|------------------------------------------------|-----------------------------------|
| GET /            |                                                | clock, apps, knobs, known names   |
| GET /people      |                                                | people                            |
| GET /grants      |                                                | grants with their living tokens   |
| GET /exchanges   | query `?after=log_id`: only later ones         | exchanges, oldest first           |
| GET /faults      |                                                | faults that still wait            |
| GET /deliveries  |                                                | webhooks and their attempts       |
| POST /consent    | authorization_url, person?, scopes?, decision? | location: the way back to the app |
| POST /faults     | endpoint, kind, times?, seconds?, status?,     | the fault                         |
|                  | retry_after?, size?                            |                                   |
| DELETE /faults   |                                                | faults, none                      |
| POST /clock      | move: seconds                                  | now, offset                       |
| POST /revoke     | open_id, client_key?, reason? (0 to 5)         | grants                            |
| POST /expire     | token: value or id; or open_id, client_key?    | expired: how many                 |
| POST /webhook    | event, client_key?, open_id?, content?         | the delivery                      |
| POST /reset      |                                                | as GET /                          |
"""

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asgi_tiktok.emulator.endpoints.webhooks import EVENTS
from asgi_tiktok.emulator.inspector.actions import Actions, Values
from asgi_tiktok.emulator.inspector.shown import (
    shown_delivery,
    shown_exchange,
    shown_fault,
    shown_grants,
    shown_person,
)
from asgi_tiktok.emulator.state import State
from asgi_tiktok.emulator.world.faults import ENDPOINTS, KINDS
from asgi_tiktok.emulator.world.hosts import is_same_origin
from asgi_tiktok.emulator.world.refusals import ConsentRefused

PREFIX = "/_emulator/api"
JSON = "application/json"
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Do = Callable[[Values], dict[str, Any]]


class Control:
    """The HTTP API. A browser's page from elsewhere can neither read it nor send to it."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.actions = Actions(state)

    def routes(self) -> list[Route]:
        reads = {
            "/": self.overview,
            "/people": lambda request: {"people": [shown_person(person) for person in self.state.people.values()]},
            "/grants": lambda request: self.grants(),
            "/exchanges": self.exchanges,
            "/faults": lambda request: self.faults(),
            "/deliveries": lambda request: {"deliveries": [*map(shown_delivery, [*self.state.webhooks.deliveries])]},
        }
        writes: dict[tuple[str, str], Do] = {
            ("POST", "/consent"): lambda values: {"location": self.actions.consent(values)},
            ("POST", "/faults"): lambda values: shown_fault(self.actions.add_fault(values)),
            ("DELETE", "/faults"): self.clear_faults,
            ("POST", "/clock"): self.move_clock,
            ("POST", "/revoke"): self.revoke,
            ("POST", "/expire"): lambda values: {"expired": self.actions.expire(values)},
            ("POST", "/webhook"): lambda values: shown_delivery(self.actions.send_webhook(values)),
            ("POST", "/reset"): self.reset,
        }
        return [
            *(Route(PREFIX + path, reading(read), methods=["GET"]) for path, read in reads.items()),
            *(Route(PREFIX + path, writing(do), methods=[method]) for (method, path), do in writes.items()),
        ]

    def overview(self, request: Request | None = None) -> dict[str, Any]:
        knobs = {field.name: getattr(self.state.knobs, field.name) for field in fields(self.state.knobs)}
        limit = knobs["partial_grant"]
        return {
            **self.clock(),
            "apps": [
                {
                    "client_key": app.client_key,
                    "name": app.name,
                    "redirect_uris": app.redirect_uris,
                    "scopes": app.scopes,
                    "webhook_url": app.webhook_url,
                }
                for app in self.state.apps.values()
            ],
            "knobs": {**knobs, "partial_grant": None if limit is None else sorted(limit)},
            "endpoints": [*ENDPOINTS],
            "fault_kinds": KINDS,
            "events": [*EVENTS],
        }

    def exchanges(self, request: Request) -> dict[str, Any]:
        exchanges = [*self.state.exchanges]
        after = request.query_params.get("after")
        places = [place for place, exchange in enumerate(exchanges, 1) if exchange.log_id == after]
        return {"exchanges": [shown_exchange(exchange) for exchange in exchanges[places[0] if places else 0 :]]}

    def clock(self) -> dict[str, Any]:
        return {"now": self.state.clock(), "offset": self.state.clock.offset}

    def grants(self) -> dict[str, Any]:
        return {"grants": [*shown_grants(self.state.grants)]}

    def faults(self) -> dict[str, Any]:
        return {"faults": [shown_fault(fault) for fault in self.state.faults]}

    def clear_faults(self, values: Values) -> dict[str, Any]:
        self.state.faults.clear()
        return self.faults()

    def move_clock(self, values: Values) -> dict[str, Any]:
        self.actions.move_clock(values)
        return self.clock()

    def revoke(self, values: Values) -> dict[str, Any]:
        self.actions.revoke(values)
        return self.grants()

    def reset(self, values: Values) -> dict[str, Any]:
        self.state.reset()
        return self.overview()


Endpoint = Callable[[Request], Any]


def reading(read: Callable[[Request], dict[str, Any]]) -> Endpoint:
    async def answer(request: Request) -> Response:
        return as_json(read(request))

    return answer


def writing(do: Do) -> Endpoint:
    async def answer(request: Request) -> Response:
        if not is_same_origin(request):
            return as_json({"error": "This was sent from another site's page."}, 403)
        # A form or text/plain could come from any page; this type makes a browser ask first, and we do not answer.
        said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method == "POST" and said != JSON:
            return as_json({"error": f"Send Content-Type: {JSON}."}, 400)
        try:
            return as_json(do(read_values(await request.body())))
        except ConsentRefused as refused:
            return as_json({"error": refused.cure, "refused": refused.parameters}, 400)
        except ValueError as exc:
            return as_json({"error": str(exc)}, 400)

    return answer


def read_values(body: bytes) -> Values:
    """The JSON object in a body; nothing stands for an empty one."""
    try:
        values = json.loads(body or b"{}")
    except (ValueError, RecursionError) as exc:
        raise ValueError("The body is not JSON.") from exc
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError as exc:
        raise ValueError("The body holds half of a surrogate pair, which is no character.") from exc
    if not isinstance(values, dict):
        raise ValueError("The body is not a JSON object.")
    return values


def as_json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, headers=HEADERS, media_type=JSON)
