"""The upload of one video in chunks (Media Transfer Guide)."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from asgi_tiktok.emulator.world.chunks import ChunkPlan, ContentRange
from asgi_tiktok.emulator.world.errors import APIError

__all__ = ["CHUNK_HEADERS", "Chunk", "Upload"]

CHUNK_HEADERS = ("content-type", "content-length", "content-range")
LIFETIME = 3600  # seconds, as documented
MEDIA_TYPES = ("video/mp4", "video/quicktime", "video/webm")


def new_query() -> dict[str, str]:
    """Return the query of an upload URL, which contains its own token."""
    return {"upload_id": str(secrets.randbits(63)), "upload_token": secrets.token_hex(32)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A received chunk: its headers, and the number of bytes in its body."""

    content_type: str
    content_length: str
    content_range: str
    received: int

    @classmethod
    def of(cls, headers: Mapping[str, str], received: int) -> Self:
        content_type, content_length, content_range = (headers.get(name, "") for name in CHUNK_HEADERS)
        return cls(
            content_type=content_type, content_length=content_length, content_range=content_range, received=received
        )


@dataclass(slots=True, eq=False)
class Upload:
    """An upload. It needs no access token, because `query`, which is part of its URL, contains a token of its own."""

    plan: ChunkPlan
    started: float
    uploaded: int = 0
    query: Mapping[str, str] = field(default_factory=new_query, repr=False)

    @property
    def complete(self) -> bool:
        return self.uploaded == self.plan.video_size

    @property
    def content_range(self) -> str:
        """The header Content-Range of a response, which reports the progress."""
        progress = f"0-{self.uploaded - 1}" if self.uploaded else "*"
        return f"bytes {progress}/{self.plan.video_size}"

    def receive(self, chunk: Chunk, now: float) -> None:
        """Record the next chunk.

        Raises:
            APIError: The upload has expired, or this is not its next chunk. Nothing is recorded.
        """
        if now >= self.started + LIFETIME:
            raise APIError(
                "upload_expired", "The upload_url has expired.", "Start again with a new init request.", status=403
            )
        sent = parse_range(chunk.content_range)
        if sent.total != self.plan.video_size:
            raise malformed(f"The size in Content-Range must be the declared video_size, {self.plan.video_size}.")
        if self.complete or sent.first != self.uploaded:
            next_step = "The upload is complete" if self.complete else f"Continue at byte {self.uploaded}"
            raise APIError(
                "range_not_satisfiable",
                "Content-Range does not reflect the actual upload progress.",
                f"{next_step}. Send the chunks one after the other, each once.",
                status=416,
            )
        expected = self.plan.chunk_at(sent.first)
        if sent != expected:
            raise malformed(
                f"This chunk must be bytes {expected.first}-{expected.last}/{expected.total}. Each chunk has the "
                "declared chunk_size, and the last one also contains the remainder."
            )
        if chunk.content_length != str(chunk.received) or chunk.received != sent.size:
            raise malformed(
                f"Content-Length and the body must have {sent.size} bytes; the body had {chunk.received}."
            )
        if chunk.content_type not in MEDIA_TYPES:
            raise malformed(f"Send one of these as Content-Type: {', '.join(MEDIA_TYPES)}.")
        self.uploaded = sent.last + 1


def parse_range(header: str) -> ContentRange:
    found = re.fullmatch(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})", header)
    if found is None:
        raise malformed("Send Content-Range: bytes FIRST-LAST/TOTAL, counted from 0.")
    return ContentRange(*map(int, found.groups()))


def malformed(fix: str) -> APIError:
    return APIError(
        "bad_request", "The request headers are malformed, or the size of the chunk is wrong.", fix, status=400
    )
