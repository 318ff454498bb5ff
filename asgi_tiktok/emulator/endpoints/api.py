"""TikTok's API host: OAuth, user info and videos, with TikTok's response format."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from asgi_tiktok.emulator.endpoints.fault_injection import FAULT_KEY
from asgi_tiktok.emulator.endpoints.oauth import Form, read_form
from asgi_tiktok.emulator.endpoints.posting import Posting
from asgi_tiktok.emulator.endpoints.qr import QRLogins
from asgi_tiktok.emulator.endpoints.resource_request import ResourceData, ResourceRequest
from asgi_tiktok.emulator.endpoints.token import handle_revoke, handle_token
from asgi_tiktok.emulator.endpoints.user_info import handle_user_info
from asgi_tiktok.emulator.endpoints.video_api import handle_video_list, handle_video_query
from asgi_tiktok.emulator.world.apps import App
from asgi_tiktok.emulator.world.errors import APIError, Ineffective
from asgi_tiktok.emulator.world.exchanges import Exchange, new_log_id
from asgi_tiktok.emulator.world.grants import Grants, TokenResponse
from asgi_tiktok.emulator.world.knobs import Knobs
from asgi_tiktok.emulator.world.people import Person
from asgi_tiktok.emulator.world.uploads import CHUNK_HEADERS, Chunk

__all__ = ["API"]


class API:
    """The endpoints that an app calls from its server."""

    def __init__(
        self,
        apps: Mapping[str, App],
        people: Mapping[str, Person],
        grants: Grants,
        qr_logins: QRLogins,
        posting: Posting,
        exchanges: deque[Exchange],
        knobs: Knobs,
    ) -> None:
        self._apps = apps
        self._people = people
        self._grants = grants
        self._qr_logins = qr_logins
        self._posting = posting
        self._exchanges = exchanges
        self._knobs = knobs

    async def token(self, request: Request) -> Response:
        return await self._oauth("token", request, partial(handle_token, self._apps, self._grants, self._knobs))

    async def revoke(self, request: Request) -> Response:
        return await self._oauth("revoke", request, partial(handle_revoke, self._apps, self._grants, self._knobs))

    async def get_qrcode(self, request: Request) -> Response:
        return await self._oauth("get_qrcode", request, self._qr_logins.handle_get_qrcode)

    async def check_qrcode(self, request: Request) -> Response:
        return await self._oauth("check_qrcode", request, self._qr_logins.handle_check_qrcode)

    async def user_info(self, request: Request) -> Response:
        return await self._resource("user_info", request, partial(handle_user_info, self._people, self._grants))

    async def video_list(self, request: Request) -> Response:
        return await self._resource("video_list", request, partial(handle_video_list, self._people, self._grants))

    async def video_query(self, request: Request) -> Response:
        return await self._resource("video_query", request, partial(handle_video_query, self._people, self._grants))

    async def creator_info(self, request: Request) -> Response:
        return await self._resource("creator_info", request, self._posting.handle_creator_info)

    async def video_init(self, request: Request) -> Response:
        return await self._resource("video_init", request, self._posting.handle_video_init)

    async def inbox_video_init(self, request: Request) -> Response:
        return await self._resource("inbox_video_init", request, self._posting.handle_inbox_video_init)

    async def content_init(self, request: Request) -> Response:
        return await self._resource("content_init", request, self._posting.handle_content_init)

    async def status_fetch(self, request: Request) -> Response:
        return await self._resource("status_fetch", request, self._posting.handle_status_fetch)

    async def publish_cancel(self, request: Request) -> Response:
        return await self._resource("publish_cancel", request, self._posting.handle_cancel)

    async def upload(self, request: Request) -> Response:
        """Receive a chunk, as TikTok's upload host does. The response has a status and no body."""
        log_id = self._new_log_id()
        received = 0
        async for part in request.stream():
            received += len(part)
        headers = {"Cache-Control": "no-store", "x-tt-logid": log_id}
        upload = self._posting.find_upload(request.query_params)
        refused = None
        try:
            status = self._posting.receive(upload, Chunk.of(request.headers, received))
        except APIError as exc:
            refused, status = exc, exc.status
        if upload:
            headers["Content-Range"] = upload.content_range
        sent = {name: request.headers.get(name, "") for name in CHUNK_HEADERS}
        self._record("upload", request, status, log_id, {**request.query_params, **sent}, refused, "")
        return Response(None, status, headers=headers)

    async def unsupported(self, request: Request, exc: Exception) -> Response:
        """Respond like TikTok's gateway to an unknown path or method, for example a missing trailing slash."""
        fix = "Check path and method; the paths of TikTok's API end with a slash."
        refused = APIError("not_found", "Unsupported path(Janus)", fix, status=404)
        log_id = self._new_log_id()
        self._record(
            "unsupported", request, refused.status, log_id, request.query_params, refused, refused.description
        )
        return Response(refused.description, refused.status, headers={"x-tt-logid": log_id}, media_type="text/plain")

    async def _oauth(self, endpoint: str, request: Request, handle: Callable[[Form], TokenResponse]) -> Response:
        log_id = self._new_log_id()
        form: Form = {}
        refused: APIError | Ineffective | None = None
        status = 200
        body: TokenResponse = {}
        try:
            form = await read_form(request, self._knobs.charset_suffix)
            body = handle(form)
        except Ineffective as exc:
            refused = exc
        except APIError as exc:
            refused = exc
            status = self._knobs.oauth_error_status
            body = {"error": exc.error, "error_description": exc.description, "log_id": log_id}
        text = as_json(body)
        self._record(endpoint, request, status, log_id, form, refused, text)
        return json_response(text, status, log_id)

    async def _resource(
        self,
        endpoint: str,
        request: Request,
        handle: Callable[[ResourceRequest], ResourceData],
    ) -> Response:
        """Respond with a person's data. Unlike with OAuth, each error has its own HTTP status."""
        log_id = self._new_log_id()
        resource_request = await ResourceRequest.read(request, self._knobs.scope_error)
        refused = None
        data: ResourceData = {}
        try:
            data = handle(resource_request)
        except APIError as exc:
            refused = exc
        code, message = (refused.error, refused.description) if refused else ("ok", "")
        text = as_json({"data": data, "error": {"code": code, "message": message, "log_id": log_id}})
        status = refused.status if refused else 200
        self._record(endpoint, request, status, log_id, resource_request.parameters, refused, text)
        return json_response(text, status, log_id)

    def _new_log_id(self) -> str:
        return new_log_id(self._grants.clock())

    def _record(
        self,
        endpoint: str,
        request: Request,
        status: int,
        log_id: str,
        parameters: Mapping[str, str],
        refused: APIError | Ineffective | None,
        text: str,
    ) -> None:
        self._exchanges.append(
            Exchange(
                endpoint=endpoint,
                method=request.method,
                path=request.url.path,
                status=status,
                log_id=log_id,
                at=self._grants.clock(),
                request=dict(parameters),
                authorization=request.headers.get("authorization", ""),
                answer=text,
                error=refused.error if isinstance(refused, APIError) else None,
                description=refused.description if isinstance(refused, APIError) else None,
                fix=refused.fix if refused else None,
                fault=request.scope.get(FAULT_KEY),
            )
        )


def as_json(body: Mapping[str, Any]) -> str:
    """Return JSON as TikTok writes it, with `&`, `<` and `>` escaped."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    for character in "&<>":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def json_response(text: str, status: int, log_id: str) -> Response:
    headers = {"Cache-Control": "no-store", "x-tt-logid": log_id}
    return Response(text, status, headers=headers, media_type="application/json")
