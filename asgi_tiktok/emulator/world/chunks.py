"""The chunks of an uploaded video (Media Transfer Guide)."""

from dataclasses import dataclass

from asgi_tiktok.emulator.world.errors import APIError
from asgi_tiktok.emulator.world.posting_errors import invalid_param

__all__ = ["ChunkPlan", "ContentRange"]

# TikTok's documentation writes MB and has an example in decimal megabytes. Apps have sent chunks of 64 MiB.
MIN_CHUNK = 5_000_000
MAX_CHUNK = 64 * 2**20
MAX_CHUNKS = 1000
MAX_VIDEO = 4 * 2**30


@dataclass(frozen=True, slots=True)
class ContentRange:
    """The header Content-Range of one chunk: the first and the last byte, and the size of the video."""

    first: int
    last: int
    total: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """The division of a video into chunks, as the app declares it. The last chunk contains the remainder.

    Raises:
        APIError: TikTok would refuse it.
    """

    video_size: int
    chunk_size: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.video_size <= MAX_VIDEO:
            raise invalid_param("The video size is invalid", f"Send video_size from 1 to {MAX_VIDEO} (4 GiB).")
        if self.chunk_size != self.video_size and not MIN_CHUNK <= self.chunk_size <= MAX_CHUNK:
            raise chunk_size_invalid(f"Send chunk_size from {MIN_CHUNK} to {MAX_CHUNK}, or video_size for one chunk.")
        if self.chunk_size > self.video_size:
            raise chunk_size_invalid("A video that is smaller than one chunk needs chunk_size equal to video_size.")
        expected = self.video_size // self.chunk_size
        if self.video_size > MAX_CHUNK and expected == 1:
            raise chunk_size_invalid(
                f"A video above {MAX_CHUNK} bytes needs at least two chunks; send a smaller size."
            )
        if self.count != expected or expected > MAX_CHUNKS:
            raise invalid_param(
                "The total chunk count is invalid",
                f"total_chunk_count is video_size divided by chunk_size, rounded down, here {expected}, and at most "
                f"{MAX_CHUNKS}. The last chunk contains the remainder.",
            )

    def chunk_at(self, first: int) -> ContentRange:
        """Return the range of the chunk that begins at this byte."""
        is_last = first // self.chunk_size == self.count - 1
        end = self.video_size if is_last else first + self.chunk_size
        return ContentRange(first, end - 1, self.video_size)


def chunk_size_invalid(fix: str) -> APIError:
    return invalid_param("The chunk size is invalid", fix)
