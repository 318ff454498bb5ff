"""The proxies and certificates that the environment names, for `trust_env=True`."""

import httpx2

from asgi_tiktok.errors import ConfigurationError


class EnvironmentTransport(httpx2.AsyncBaseTransport):
    """Sends each request as httpx2's own client does: HTTPS_PROXY, ALL_PROXY and NO_PROXY decide by its address.

    Raises ConfigurationError for a proxy or a file of certificates that httpx2 cannot use.
    """

    def __init__(self, limits: httpx2.Limits) -> None:
        try:
            self.client = httpx2.AsyncClient(trust_env=True, limits=limits)
            return
        # No error contains the message of its cause, in which the address of a proxy can contain a password.
        except ImportError:
            fix = 'Run: pip install "httpx2[socks]"'
        except OSError:
            fix = "Set SSL_CERT_FILE to the path of a file with certificates, or unset it."
        except (ValueError, httpx2.InvalidURL):
            fix = "Set HTTPS_PROXY and ALL_PROXY to addresses like http://proxy.example.com:3128"
        raise ConfigurationError("trust_env=True, but httpx2 cannot use what the environment names.", hint=fix)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request."""
        return await self.client.send(request, stream=True)

    async def aclose(self) -> None:
        """Close all connections."""
        await self.client.aclose()
