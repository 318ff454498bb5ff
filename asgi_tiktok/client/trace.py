"""Whether a request was written to its connection."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx2

TraceFunction = Callable[[str, Mapping[str, Any]], Awaitable[None]]


class Trace:
    """A trace function of httpx2, which the transport calls at each step of a request.

    Args:
        inner (TraceFunction | None): The trace function that the caller of the request has set.
    """

    def __init__(self, inner: TraceFunction | None) -> None:
        self.inner = inner
        self.write_failed = False

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpx2 at each step."""
        # httpx2 then still tries to read a response, so the error that it raises does not show the failed write.
        if event.endswith(".send_request_headers.failed"):
            self.write_failed = True
        if self.inner is not None:
            await self.inner(event, info)

    def is_unwritten(self, error: Exception) -> bool:
        """Return whether no byte of the request was written before this error."""
        return self.write_failed or isinstance(error, httpx2.WriteError)
