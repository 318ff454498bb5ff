"""The URLs of TikTok's endpoints."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.validation import check_string, split_url, without_password

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The URLs of one TikTok. They end with a slash, because TikTok's gateway returns 404 otherwise."""

    authorization: str
    token: str
    revocation: str
    user_info: str
    api: str

    @property
    def issuer(self) -> str:
        """The origin of the authorization endpoint (RFC 9207 §2)."""
        parts = urlsplit(self.authorization)
        return f"{parts.scheme}://{parts.netloc}"

    @classmethod
    def at(cls, base_url: str) -> Self:
        """Return the URLs of a TikTok whose endpoints have one origin, for example an emulator.

        Raises ConfigurationError for anything but an https origin, or an http origin on loopback.
        """
        fix = "Write the scheme and the host only, for example http://127.0.0.1:8700."
        origin = check_string("base_url", base_url, fix).rstrip("/")
        parts, _ = split_url("base_url", origin)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)
        more = parts.path or parts.query or parts.fragment or parts.username is not None
        if not secure or not parts.hostname or more:
            shown = without_password(base_url)
            raise ConfigurationError(
                f"base_url={shown!r} must be an origin with https, or with http on loopback.", hint=fix
            )
        return cls(
            authorization=f"{origin}/v2/auth/authorize/",
            token=f"{origin}/v2/oauth/token/",
            revocation=f"{origin}/v2/oauth/revoke/",
            user_info=f"{origin}/v2/user/info/",
            api=origin,
        )


TIKTOK = Endpoints(
    authorization="https://www.tiktok.com/v2/auth/authorize/",
    token="https://open.tiktokapis.com/v2/oauth/token/",  # noqa: S106 -- an address
    revocation="https://open.tiktokapis.com/v2/oauth/revoke/",
    user_info="https://open.tiktokapis.com/v2/user/info/",
    api="https://open.tiktokapis.com",
)
