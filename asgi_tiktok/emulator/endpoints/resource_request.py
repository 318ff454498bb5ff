"""What an app sends to a resource of TikTok's API, and what every resource checks of it."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from starlette.requests import Request

from asgi_tiktok.emulator.endpoints.origin import own_origin
from asgi_tiktok.emulator.world.errors import APIError
from asgi_tiktok.emulator.world.grants import Grants, IssuedToken
from asgi_tiktok.emulator.world.knobs import ScopeError
from asgi_tiktok.emulator.world.scopes import split_scopes

__all__ = ["ResourceData", "ResourceRequest", "invalid_params", "not_authorized"]

JSON = "application/json"
ResourceData = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRequest:
    """One request to a resource; `origin` is where the app reached the emulator."""

    query: Mapping[str, str]
    origin: str
    content_type: str
    scope_error: ScopeError
    authorization: str = field(repr=False)
    body: bytes = field(repr=False)

    @classmethod
    async def read(cls, request: Request, scope_error: ScopeError) -> Self:
        return cls(
            query=request.query_params,
            origin=own_origin(request),
            content_type=", ".join(request.headers.getlist("content-type")),
            scope_error=scope_error,
            authorization=request.headers.get("authorization", ""),
            body=await request.body(),
        )

    @property
    def parameters(self) -> dict[str, str]:
        """What was sent, for the record of exchanges."""
        body = {"body": self.body.decode(errors="replace")} if self.body else {}
        return {**self.query, **body}

    def access_token(self, grants: Grants) -> IssuedToken:
        """The living access token that came along."""
        scheme, _, value = self.authorization.partition(" ")
        access_token = grants.access(value) if scheme.lower() == "bearer" else None
        if access_token is None:
            raise APIError(
                "access_token_invalid",
                "The access token is invalid or not found in the request.",
                "Send Authorization: Bearer and a living access token; refresh it when it has expired.",
                status=401,
            )
        return access_token

    def fields(self, known: Collection[str]) -> tuple[str, ...]:
        """The names in `fields`, of which there must be one and which must all be known."""
        names = split_scopes(self.query.get("fields", ""))
        if not names:
            raise invalid_params("The fields parameter is required.", "Send ?fields=… in the URL.")
        if unknown := [name for name in names if name not in known]:
            raise invalid_params(f"Invalid fields: {', '.join(unknown)}.", f"Ask only for {', '.join(known)}.")
        return names

    def json(self) -> dict[str, Any]:
        """The JSON object in the body. Its Content-Type may name a charset here, unlike a form's."""
        if self.content_type.partition(";")[0].strip().lower() != JSON:
            sent = self.content_type or "none"
            raise invalid_params("The Content-Type is invalid.", f"Send Content-Type: {JSON}; it was {sent}.")
        try:
            body = json.loads(self.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise invalid_params("The request body is invalid.", "Send a JSON object, {} for the defaults.")
        return body


def invalid_params(message: str, cure: str) -> APIError:
    return APIError("invalid_params", message, cure, status=400)


def not_authorized(cure: str, status: ScopeError) -> APIError:
    """The docs and the field disagree about the name; each has its own status."""
    code = "scope_not_authorized" if status == 401 else "scope_permission_missed"
    message = "The user did not authorize the scope required for completing this request."
    return APIError(code, message, cure, status=status)
