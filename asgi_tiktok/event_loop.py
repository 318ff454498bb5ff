"""The event loop of asyncio, which sign-ins, stores and requests to TikTok need."""

import asyncio

from asgi_tiktok.errors import ConfigurationError


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running event loop of asyncio. Raises ConfigurationError if the app runs on trio."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "Sign-ins, stores and requests to TikTok need asyncio, but the app runs on another event loop.",
            hint="Start the server with asyncio instead of trio, for example: hypercorn --worker-class asyncio.",
        ) from None
