"""The body of a request to our routes, of limited size."""

from starlette.requests import Request


async def read_body(request: Request, max_size: int) -> bytes | None:
    """Return the body, or None if it has more than `max_size` bytes."""
    body = bytearray()  # because to append to bytes copies them
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_size:
            return None
    return bytes(body)
