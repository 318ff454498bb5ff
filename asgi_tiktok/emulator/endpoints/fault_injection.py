"""The emulator with faults in front of it."""

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
HTML = "<!doctype html><title>Service unavailable</title><h1>The gateway could not reach its upstream</h1>"


class ConnectionReset(httpx2.ReadError, ConnectionResetError):
    """What a client in the same process meets instead of a closed connection."""


class FaultInjection:
    """Lets a call meet its fault. A spoilt answer is the true one, so what was asked for has happened.

    A reset closes the socket under `run_emulator`. In process there is none, so `ConnectionReset` is raised: it
    is an httpx2.ReadError, as over a socket. Under another server that becomes its status 500.
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
        """The app behind never sees the request."""
        body = (await request.body()).decode(errors="replace")
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
                request={**request.query_params, **dict(parse_qsl(body, keep_blank_values=True))},
                authorization=request.headers.get("authorization", ""),
                error=f"fault {fault.kind}",
                description="The emulator was asked to let this call fail.",
                cure="Nothing is wrong with the request; clear the faults, or let the app try again.",
                fault=fault.kind,
            )
        )
        if fault.kind != "reset":
            await error_response(fault, status, log_id)(request.scope, request.receive, send)
            return

        if ABORT_KEY not in request.scope:
            raise ConnectionReset("The emulator gives no answer, as it was asked to.")
        request.scope[ABORT_KEY]()
        # Once the server has seen the end of the connection, it asks for no answer.
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
    """Let the app answer, and send its answer on with another body."""
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
    """The same keys, and under each a value of another type."""
    if isinstance(value, dict):
        return {name: with_wrong_types(part) for name, part in value.items()}
    if isinstance(value, list):
        return {str(index): with_wrong_types(part) for index, part in enumerate(value)}
    return [value] if isinstance(value, str) else str(value)
