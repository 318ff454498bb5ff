"""Middleware that applies injected faults."""

import json
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import anyio
import httpx2
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asgi_tiktok.emulator.world.exchanges import Exchange, new_log_id
from asgi_tiktok.emulator.world.faults import OAUTH, PAGES, Fault, Faults, endpoint_of

__all__ = ["ABORT_KEY", "FAULT_KEY", "ConnectionReset", "FaultInjection"]

ABORT_KEY = "asgi_tiktok.emulator.abort"
FAULT_KEY = "asgi_tiktok.emulator.fault"
FORMS = (*OAUTH, *PAGES)
HTML = "<!doctype html><title>Service unavailable</title><h1>The gateway could not reach its upstream</h1>"


class ConnectionReset(httpx2.ReadError, ConnectionResetError):
    """Raised to a client in the same process, which has no connection to close."""


class FaultInjection:
    """ASGI middleware that applies injected faults.

    "reset" closes the socket under `run_emulator`. In process there is no socket, so it raises `ConnectionReset`,
    which is the httpx2.ReadError of a closed socket. Other servers turn that into status 500.
    """

    def __init__(self, app: ASGIApp, faults: Faults, exchanges: deque[Exchange], clock: Callable[[], float]) -> None:
        self._app = app
        self._faults = faults
        self._exchanges = exchanges
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = endpoint_of(scope["method"], scope["path"]) if scope["type"] == "http" else None
        fault = self._faults.take(endpoint) if endpoint else None
        if fault is None:
            await self._app(scope, receive, send)
            return

        scope = {**scope, FAULT_KEY: fault.kind}
        if fault.kind == "slow":
            await anyio.sleep(fault.seconds)
            await self._app(scope, receive, send)
        elif fault.kind in ("truncated", "huge", "wrong-types"):
            await corrupt(fault, self._app, scope, receive, send)
        else:
            await self._replace_response(fault, Request(scope, receive), send)

    async def _replace_response(self, fault: Fault, request: Request, send: Send) -> None:
        """Respond to the request without the app."""
        body = await request.body()
        form = parse_qsl(body.decode(errors="replace"), keep_blank_values=True) if fault.endpoint in FORMS else []
        now = self._clock()
        log_id = new_log_id(now)
        status = 0 if fault.kind == "reset" else fault.status or 200
        self._exchanges.append(
            Exchange(
                endpoint=fault.endpoint,
                method=request.method,
                path=request.url.path,
                status=status,
                log_id=log_id,
                at=now,
                request={**request.query_params, **dict(form)},
                authorization=request.headers.get("authorization", ""),
                error=f"fault {fault.kind}",
                description="This request failed because of an injected fault.",
                fix="The request is correct. Clear the faults, or let the app retry.",
                fault=fault.kind,
            )
        )
        if fault.kind != "reset":
            await error_response(fault, status, log_id)(request.scope, request.receive, send)
            return

        if ABORT_KEY not in request.scope:
            raise ConnectionReset("The connection was reset because of an injected fault.")
        request.scope[ABORT_KEY]()
        # After the disconnect the server expects no response.
        await request.receive()


def error_response(fault: Fault, status: int, log_id: str) -> Response:
    headers = {"x-tt-logid": log_id, "Cache-Control": "no-store"}
    if fault.kind != "html":
        headers["Retry-After"] = str(fault.retry_after)
    if fault.kind == "html" or fault.endpoint in PAGES:
        return HTMLResponse(HTML, status, headers=headers)
    limited = fault.kind == "429"
    code, message = ("rate_limit_exceeded", "Too many requests.") if limited else ("internal_error", "Try again.")
    body: dict[str, Any] = {"error": {"code": code, "message": message, "log_id": log_id}}
    if fault.endpoint in OAUTH:
        code = "temporarily_unavailable" if limited else "server_error"
        body = {"error": code, "error_description": message, "log_id": log_id}
    return Response(json.dumps(body), status, headers=headers, media_type="application/json")


async def corrupt(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Call the app, and replace the body of its response."""
    started: list[Message] = []
    parts: list[bytes] = []

    async def hold(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.append(message)
            return
        parts.append(message.get("body", b""))

    await app(scope, receive, hold)
    [start] = started
    body = corrupted_body(fault, b"".join(parts))
    MutableHeaders(scope=start)["content-length"] = str(len(body))
    await send(start)
    await send({"type": "http.response.body", "body": body})


def corrupted_body(fault: Fault, body: bytes) -> bytes:
    if fault.kind == "truncated":
        return body[: len(body) // 2]
    if fault.kind == "huge":
        return body.ljust(fault.size)
    return json.dumps(with_wrong_types(json.loads(body))).encode()


def with_wrong_types(value: Any) -> Any:
    """Return the same keys, each with a value of another type."""
    if isinstance(value, dict):
        return {name: with_wrong_types(part) for name, part in value.items()}
    if isinstance(value, list):
        return {str(index): with_wrong_types(part) for index, part in enumerate(value)}
    return [value] if isinstance(value, str) else str(value)
