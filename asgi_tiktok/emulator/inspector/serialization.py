"""The state as plain data, with secrets shortened."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from asgi_tiktok.emulator.endpoints.webhooks import Delivery
from asgi_tiktok.emulator.world.exchanges import Exchange
from asgi_tiktok.emulator.world.faults import Fault
from asgi_tiktok.emulator.world.grants import Grants, IssuedToken, token_id
from asgi_tiktok.emulator.world.people import Person
from asgi_tiktok.emulator.world.posts import Post

__all__ = [
    "redact_value",
    "serialize_delivery",
    "serialize_exchange",
    "serialize_fault",
    "serialize_grants",
    "serialize_person",
    "serialize_post",
    "serialize_token",
]

SECRET_NAMES = re.compile(r"secret|token|verifier|password|^code$", re.IGNORECASE)
# Tokens and codes, wherever they appear.
SECRET_VALUES = re.compile(
    r"(?:act|rft|clt)\.[\w.-]{8,}(?:(?:!|%21)[\w.]+)?|[\w-]{40,}(?:\*|%2A)\w(?:!|%21)[\w.]+|(?<=upload_token=)\w+"
)


def shorten(secret: str) -> str:
    """Return the start of a secret, which is enough to distinguish it from others."""
    kind = re.match(r"(?:act|rft|clt)\.(?:emulator\.)?", secret)
    start = kind.end() if kind else 0
    return f"{secret[: start + 4]}…" if len(secret) > start + 8 else "…"


def redact(text: str) -> str:
    return SECRET_VALUES.sub(lambda found: shorten(found[0]), text)


def redact_value(name: str, value: str) -> str:
    return shorten(value) if SECRET_NAMES.search(name) and value else redact(value)


def serialize_person(person: Person) -> dict[str, Any]:
    names = (
        *("open_id", "display_name", "username", "is_verified", "sandbox_target", "banned", "disconnects"),
        *("private_account", "post_error", "note"),
    )
    return {name: getattr(person, name) for name in names}


def serialize_grants(grants: Grants) -> Iterator[dict[str, Any]]:
    """Iterate over the grants: first the active ones, then the ended ones, each with the newest first."""
    for grant in [*reversed([*grants.grants.values()]), *reversed([*grants.ended])]:
        yield {
            "client_key": grant.client_key,
            "open_id": grant.open_id,
            "scopes": sorted(grant.scopes),
            "since": grant.since,
            "removed": None if grant.removed is None else int(grant.removed),
            "tokens": [serialize_token(value, issued) for value, issued in grants.active_tokens(grant)],
        }


def serialize_token(value: str, issued: IssuedToken) -> dict[str, Any]:
    return {
        "id": token_id(value),
        "kind": "access" if value.startswith("act.") else "refresh",
        "value": shorten(value),
        "scopes": sorted(issued.scopes),
        "issued_at": issued.issued_at,
        "expires_at": issued.expires_at,
    }


def serialize_exchange(exchange: Exchange) -> dict[str, Any]:
    return {
        "log_id": exchange.log_id,
        "at": exchange.at,
        "endpoint": exchange.endpoint,
        "method": exchange.method,
        "path": exchange.path,
        "status": exchange.status,
        "request": redact_request(exchange),
        "answer": redact_answer(exchange.answer),
        "error": exchange.error,
        "description": exchange.description,
        "fix": exchange.fix,
        "fault": exchange.fault,
    }


def redact_request(exchange: Exchange) -> dict[str, str]:
    parameters = {name: redact_value(name, value) for name, value in exchange.request.items()}
    scheme, _, credentials = exchange.authorization.partition(" ")
    if not scheme:
        return parameters
    return {"Authorization": f"{scheme} {shorten(credentials)}", **parameters}


def redact_answer(answer: str) -> str:
    """Redact a body, or the URL of a redirect, whose query stays readable."""
    url = urlsplit(answer) if answer.startswith("http") else None
    if url is None:
        return redact(answer)
    query = [(name, redact_value(name, value)) for name, value in parse_qsl(url.query, keep_blank_values=True)]
    return url._replace(query=urlencode(query, safe="…:/,")).geturl()


def serialize_fault(fault: Fault) -> dict[str, Any]:
    return {"endpoint": fault.endpoint, "kind": fault.kind, "times": fault.times, "left": fault.left}


def serialize_post(post: Post, now: float) -> dict[str, Any]:
    moment = post.moment(now)
    return {
        "publish_id": post.publish_id,
        "client_key": post.grant.client_key,
        "open_id": post.grant.open_id,
        "draft": post.draft,
        "title": post.title,
        "privacy_level": post.privacy_level,
        "created": post.created,
        "status": moment.status,
        "fail_reason": moment.fail_reason or None,
        "publicly_available": moment.is_public,
        "video_size": post.upload.plan.video_size if post.upload else None,
        "uploaded_bytes": post.upload.uploaded if post.upload else None,
    }


def serialize_delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "client_key": delivery.app.client_key,
        "url": delivery.app.webhook_url,
        "event": delivery.event,
        "body": delivery.body.decode(),
        "created": delivery.created,
        "delivered": delivery.delivered,
        "next_at": delivery.next_at,
        "attempts": [
            {"at": attempt.at, "status": attempt.status, "problem": attempt.problem} for attempt in delivery.attempts
        ],
    }
