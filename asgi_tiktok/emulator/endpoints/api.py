"""TikTok's API host: OAuth, user info and videos, answered in its envelopes."""

import json
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from asgi_tiktok.emulator.endpoints.calls import Answer, Call
from asgi_tiktok.emulator.endpoints.faulty import FAULT
from asgi_tiktok.emulator.endpoints.oauth import Form, read_form
from asgi_tiktok.emulator.endpoints.qr import QRLogins
from asgi_tiktok.emulator.endpoints.token import answer_revoke, answer_token
from asgi_tiktok.emulator.endpoints.user_info import answer_user_info
from asgi_tiktok.emulator.endpoints.video_api import answer_video_list, answer_video_query
from asgi_tiktok.emulator.world.apps import App
from asgi_tiktok.emulator.world.exchanges import Exchange, new_log_id
from asgi_tiktok.emulator.world.grants import Grants, TokenAnswer
from asgi_tiktok.emulator.world.knobs import Knobs
from asgi_tiktok.emulator.world.people import Person
from asgi_tiktok.emulator.world.refusals import Refused


class API:
    """The endpoints an app calls from its server."""

    def __init__(
        self,
        apps: Mapping[str, App],
        people: Mapping[str, Person],
        grants: Grants,
        qr_logins: QRLogins,
        exchanges: deque[Exchange],
        knobs: Knobs,
    ) -> None:
        self.apps = apps
        self.people = people
        self.grants = grants
        self.qr_logins = qr_logins
        self.exchanges = exchanges
        self.knobs = knobs

    async def token(self, request: Request) -> Response:
        return await self._oauth("token", request, partial(answer_token, self.apps, self.grants, self.knobs))

    async def revoke(self, request: Request) -> Response:
        return await self._oauth("revoke", request, partial(answer_revoke, self.apps, self.grants, self.knobs))

    async def get_qrcode(self, request: Request) -> Response:
        return await self._oauth("get_qrcode", request, self.qr_logins.answer_get_qrcode)

    async def check_qrcode(self, request: Request) -> Response:
        return await self._oauth("check_qrcode", request, self.qr_logins.answer_check_qrcode)

    async def user_info(self, request: Request) -> Response:
        return await self._resource("user_info", request, answer_user_info)

    async def video_list(self, request: Request) -> Response:
        return await self._resource("video_list", request, answer_video_list)

    async def video_query(self, request: Request) -> Response:
        return await self._resource("video_query", request, answer_video_query)

    async def unsupported(self, request: Request, exc: Exception) -> Response:
        """TikTok's gateway for any path or method it does not know, a forgotten slash included."""
        cure = "Check path and method; the paths of TikTok's API end with a slash."
        refused = Refused("not_found", "Unsupported path(Janus)", cure, status=404)
        log_id = self._new_log_id()
        self._record(
            "unsupported", request, refused.status, log_id, request.query_params, refused, refused.description
        )
        return Response(refused.description, refused.status, headers={"x-tt-logid": log_id}, media_type="text/plain")

    async def _oauth(self, endpoint: str, request: Request, answer_form: Callable[[Form], TokenAnswer]) -> Response:
        log_id = self._new_log_id()
        form: Form = {}
        refused = None
        status = 200
        try:
            form = await read_form(request, self.knobs.charset_suffix)
            body = answer_form(form)
        except Refused as exc:
            refused = exc
            status = self.knobs.oauth_error_status
            body = {"error": exc.error, "error_description": exc.description, "log_id": log_id}
        text = as_json(body)
        self._record(endpoint, request, status, log_id, form, refused, text)
        return answer(text, status, log_id)

    async def _resource(
        self,
        endpoint: str,
        request: Request,
        answer_call: Callable[[Mapping[str, Person], Grants, Call], Answer],
    ) -> Response:
        """What the person lets the app read; unlike OAuth, errors here have their own HTTP status."""
        log_id = self._new_log_id()
        call = await Call.read(request, self.knobs.scope_error)
        refused = None
        data: Answer = {}
        try:
            data = answer_call(self.people, self.grants, call)
        except Refused as exc:
            refused = exc
        code, message = (refused.error, refused.description) if refused else ("ok", "")
        text = as_json({"data": data, "error": {"code": code, "message": message, "log_id": log_id}})
        status = refused.status if refused else 200
        self._record(endpoint, request, status, log_id, call.parameters, refused, text)
        return answer(text, status, log_id)

    def _new_log_id(self) -> str:
        return new_log_id(self.grants.clock())

    def _record(
        self,
        endpoint: str,
        request: Request,
        status: int,
        log_id: str,
        parameters: Mapping[str, str],
        refused: Refused | None,
        text: str,
    ) -> None:
        self.exchanges.append(
            Exchange(
                endpoint=endpoint,
                method=request.method,
                path=request.url.path,
                status=status,
                log_id=log_id,
                at=self.grants.clock(),
                request=dict(parameters),
                authorization=request.headers.get("authorization", ""),
                answer=text,
                error=refused.error if refused else None,
                description=refused.description if refused else None,
                cure=refused.cure if refused else None,
                fault=request.scope.get(FAULT),
            )
        )


def as_json(body: Mapping[str, Any]) -> str:
    """JSON as TikTok's servers write it, with `&`, `<` and `>` escaped."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    for character in "&<>":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def answer(text: str, status: int, log_id: str) -> Response:
    headers = {"Cache-Control": "no-store", "x-tt-logid": log_id}
    return Response(text, status, headers=headers, media_type="application/json")
