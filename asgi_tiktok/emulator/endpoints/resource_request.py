"""A request to one of TikTok's resources, and the checks that all resources share."""

import json
from collections.abc import Callable, Collection, Mapping
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
    """A request to a resource. `origin` is the origin at which the app reached the emulator."""

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
        """The query and the body, for the record of exchanges."""
        body = {"body": self.body.decode(errors="replace")} if self.body else {}
        return {**self.query, **body}

    def access_token(self, grants: Grants) -> IssuedToken:
        """Return the valid access token of the request."""
        scheme, _, value = self.authorization.partition(" ")
        access_token = grants.access(value) if scheme.lower() == "bearer" else None
        if access_token is None:
            raise APIError(
                "access_token_invalid",
                "The access token is invalid or not found in the request.",
                "Send a valid access token in the header Authorization: Bearer; refresh it when it has expired.",
                status=401,
            )
        return access_token

    def fields(self, known: Collection[str]) -> tuple[str, ...]:
        """Return the names in the parameter `fields`. There must be at least one, and all must be known."""
        names = split_scopes(self.query.get("fields", ""))
        if not names:
            raise invalid_params("The fields parameter is required.", "Send ?fields=… in the URL.")
        if unknown := [name for name in names if name not in known]:
            raise invalid_params(f"Invalid fields: {', '.join(unknown)}.", f"Request only {', '.join(known)}.")
        return names

    def json(self, invalid: Callable[[str, str], APIError] | None = None) -> dict[str, Any]:
        """Return the JSON object in the body. Unlike a form's, its Content-Type may name a charset.

        `invalid` makes the error for another body. Default: `invalid_params`.
        """
        invalid = invalid or invalid_params
        if self.content_type.partition(";")[0].strip().lower() != JSON:
            sent = self.content_type or "none"
            raise invalid("The Content-Type is invalid.", f"Send Content-Type: {JSON}; it was {sent}.")
        try:
            body = json.loads(self.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise invalid("The request body is invalid.", "Send a JSON object, {} for the defaults.")
        return body


def invalid_params(message: str, fix: str) -> APIError:
    return APIError("invalid_params", message, fix, status=400)


def not_authorized(fix: str, status: ScopeError) -> APIError:
    """Return the error for a missing scope. TikTok's documentation and reports disagree about its name."""
    code = "scope_not_authorized" if status == 401 else "scope_permission_missed"
    message = "The user did not authorize the scope required for completing this request."
    return APIError(code, message, fix, status=status)
